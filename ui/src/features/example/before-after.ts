// <before-after>: the example on the first page. The server has written its parts; here they play.
// Nothing is fetched before somebody presses play.
import { Owner } from "../../ui/owner";
import { type Part, Sound } from "./sound";

export class BeforeAfter extends HTMLElement {
  #owner = new Owner();
  #sound: Sound | undefined;
  #loading = false;

  connectedCallback(): void {
    this.#owner = new Owner();
    const button = this.#button();
    if (button !== null) this.#owner.listen(button, "click", () => void this.#toggle());
    this.#owner.listen(this, "input", () => this.#balance());
    this.#balance();
  }

  disconnectedCallback(): void {
    this.#owner.end();
    this.#sound = undefined;
  }

  async #toggle(): Promise<void> {
    if (this.#loading) return;
    if (this.#sound?.playing) {
      this.#sound.stop();
      this.#show(false);
      return;
    }
    this.#loading = true;
    try {
      const sound = this.#sound ?? (await this.#open());
      await sound.start();
      this.#show(true);
      this.#follow(sound);
    } catch {
      if (!this.#owner.ended) this.#tell(this.dataset["failed"] ?? "");
    } finally {
      this.#loading = false;
    }
  }

  async #open(): Promise<Sound> {
    const sound = new Sound();
    this.#owner.hold(() => sound.close());
    await sound.load(this.#parts(), this.#owner.signal);
    this.#sound = sound;
    this.#balance();
    return sound;
  }

  // What the faders or the switch say goes to the ears and, as a custom property, to the eyes.
  #balance(): void {
    for (const lane of this.#lanes()) {
      const name = lane.dataset["part"] ?? "";
      const gain = this.#gain(lane, name);
      lane.style.setProperty("--gain", String(gain));
      this.#sound?.setGain(name, gain);
    }
  }

  #gain(lane: HTMLElement, name: string): number {
    const fader = lane.querySelector<HTMLInputElement>("input[type=range]");
    if (fader !== null) return fader.valueAsNumber / 100;
    const chosen = this.querySelector<HTMLInputElement>("input[type=radio]:checked")?.value;
    return chosen === "song" || chosen === name ? 1 : 0;
  }

  #follow(sound: Sound): void {
    if (!sound.playing) return;
    const played = `${(100 * sound.position_s) / sound.duration_s}%`;
    for (const lane of this.#lanes()) lane.style.setProperty("--played", played);
    const release = this.#owner.frame(() => {
      release();
      this.#follow(sound);
    });
  }

  #show(playing: boolean): void {
    const button = this.#button();
    button?.toggleAttribute("data-playing", playing);
    button?.setAttribute("aria-label", this.dataset[playing ? "pause" : "play"] ?? "");
    this.#tell("");
  }

  #tell(text: string): void {
    const says = this.querySelector(".desk-says");
    if (says !== null) says.textContent = text;
  }

  #button(): HTMLButtonElement | null {
    return this.querySelector<HTMLButtonElement>(".desk-play");
  }

  #lanes(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>(".lane")];
  }

  #parts(): Part[] {
    return this.#lanes().map((lane) => ({
      name: lane.dataset["part"] ?? "",
      address: lane.dataset["src"] ?? "",
    }));
  }
}

customElements.define("before-after", BeforeAfter);
