// How long a song is, where the browser can tell: before a byte is sent.
import type { Owner } from "../../ui/owner";

const PATIENCE_MS = 5000;

// null where it cannot be told. Nothing is decoded: browsers read it from the file's head.
export function durationOf(file: Blob, owner: Owner): Promise<number | null> {
  return new Promise((resolve) => {
    const audio = document.createElement("audio");
    const url = URL.createObjectURL(file);
    const release = owner.hold(() => finish(null));
    const tooLate = owner.after(PATIENCE_MS, () => release());
    let told = false;
    function finish(duration_s: number | null): void {
      if (told) return;
      told = true;
      tooLate();
      audio.removeAttribute("src");
      URL.revokeObjectURL(url);
      resolve(duration_s);
      release();
    }
    owner.listen(audio, "loadedmetadata", () =>
      finish(Number.isFinite(audio.duration) ? audio.duration : null),
    );
    owner.listen(audio, "error", () => finish(null));
    audio.preload = "metadata";
    audio.src = url;
  });
}
