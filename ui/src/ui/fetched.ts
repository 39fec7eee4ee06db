// What an element asks the API for: not there yet, there, or what went wrong. It is asked for when
// the element enters a page and let go when it leaves.
import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from "lit";
import { wordsFor } from "../api/errors";

type Question<T> = (signal: AbortSignal) => Promise<T>;

export class Fetched<T> implements ReactiveController {
  // What was there stays while it is asked for again.
  value: T | null = null;
  busy = false;
  #trouble = "";
  #asking = new AbortController();
  readonly #host: ReactiveControllerHost;
  readonly #question: Question<T>;

  constructor(host: ReactiveControllerHost, question: Question<T>) {
    this.#host = host;
    this.#question = question;
    host.addController(this);
  }

  hostConnected(): void {
    void this.load();
  }

  hostDisconnected(): void {
    this.#asking.abort();
  }

  load(): Promise<void> {
    return this.ask(this.#question);
  }

  // Asks something else whose answer is to be shown: more of it, or what follows from a deed. Of two
  // questions at once the later one counts.
  async ask(question: Question<T>): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.busy = true;
    try {
      const value = await question(signal);
      if (signal.aborted) return;
      this.value = value;
      this.#trouble = "";
    } catch (error) {
      if (signal.aborted) return;
      this.#trouble = wordsFor(error);
    }
    this.busy = false;
    this.#host.requestUpdate();
  }

  view(waiting: string, shown: (value: T) => TemplateResult): TemplateResult {
    const trouble = this.#trouble;
    return html`
      ${trouble ? html`<p class="notice bad" role="alert">${trouble}</p>` : nothing}
      ${this.value !== null ? shown(this.value) : trouble ? nothing : html`<p class="hint">${waiting}</p>`}`;
  }
}
