// The pages of songs, one's own and shared ones, each with its <stem-player src=…>.
import "../styles/song.css";
import { StemPlayer } from "../features/player/stem-player";
import "../features/song/shared-song";
import "../features/song/song-page";

customElements.define("stem-player", StemPlayer);
