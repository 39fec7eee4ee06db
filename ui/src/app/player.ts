// The page of a song: <song-page> with its <stem-player src=…>.
import { StemPlayer } from "../features/player/stem-player";
import { SongPage } from "../features/song/song-page";

customElements.define("stem-player", StemPlayer);
customElements.define("song-page", SongPage);
