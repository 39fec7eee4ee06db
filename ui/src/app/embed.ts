// The player for other people's pages, and what it is made of for those who build their own.
import { StemPlayer } from "../features/player/stem-player";

export { Player } from "../player/player";
export { Owner } from "../ui/owner";
export { StemPlayer };

if (!customElements.get("stem-player")) customElements.define("stem-player", StemPlayer);
