// <song-uploader>: drop songs, choose files or paste a link; see what they cost; start them.
import { html, nothing, type TemplateResult } from "lit";
import { wordsFor } from "../../api/errors";
import { type SiteFacts, siteFacts } from "../../api/site";
import { visitor } from "../../api/visitor";
import { announce } from "../../ui/announce";
import { define, HouseElement } from "../../ui/element";
import { clock, size } from "../../ui/format";
import { pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import { beginChoice, choice } from "./choice";
import { choicesView } from "./choices-view";
import { Desk } from "./desk";
import { itemView } from "./item-view";
import { isBusy, isReady } from "./items";
import { startView } from "./start-view";
import { leftBehind } from "./unfinished";

const ACCEPT = "audio/*,video/*,.flac,.opus,.m4a,.aif,.aiff,.wv,.ape,.wma,.mka";

export class SongUploader extends HouseElement {
  static override properties = {
    site: { state: true },
    over: { state: true },
    said: { state: true },
  };
  declare site: SiteFacts | null;
  declare over: boolean;
  declare said: string;
  #desk = new Desk(this.owner);
  #begun: Promise<void> = Promise.resolve();
  // What the site's file calls its button.
  readonly #button: string;

  constructor() {
    super();
    this.#button = this.dataset["button"] ?? "";
    this.site = null;
    this.over = false;
    this.said = "";
  }

  protected override start(): void {
    this.#desk = new Desk(this.owner);
    this.follow(this.#desk.items);
    this.follow(choice);
    this.follow(visitor);
    this.#listen();
    this.#begun = this.#begin();
  }

  async #begin(): Promise<void> {
    try {
      this.site = await siteFacts();
      beginChoice(this.site);
      if (visitor.value !== "nobody") await leftBehind(this.#desk, this.owner);
    } catch (error) {
      if (!this.owner.ended) this.said = wordsFor(error);
    }
  }

  #listen(): void {
    // Songs that miss the zone must not replace the page.
    this.owner.listen<DragEvent>(window, "dragover", (event) => {
      event.preventDefault();
      this.over = true;
    });
    this.owner.listen<DragEvent>(window, "dragleave", (event) => {
      if (event.relatedTarget === null) this.over = false;
    });
    this.owner.listen<DragEvent>(window, "drop", (event) => {
      event.preventDefault();
      this.over = false;
      this.#take([...(event.dataTransfer?.files ?? [])]);
    });
    this.owner.listen<ClipboardEvent>(window, "paste", (event) => this.#paste(event));
    this.owner.listen<BeforeUnloadEvent>(window, "beforeunload", (event) => {
      if (this.#desk.items.value.some(isBusy)) event.preventDefault();
    });
  }

  #paste(event: ClipboardEvent): void {
    const target = event.target;
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text").trim() ?? "";
    if (files.length > 0) this.#take(files);
    else if (/^https?:\/\/\S+$/.test(text)) void this.#addUrl(text);
  }

  #take(files: readonly File[]): void {
    if (files.length > 0) void this.#add(files);
  }

  // Whoever is faster than the site's facts is not forgotten.
  async #add(files: readonly File[]): Promise<void> {
    await this.#begun;
    if (!this.#mayTry) return;
    announce(t("uploader.taken", { count: files.length }));
    try {
      await this.#desk.addFiles(files);
    } catch (error) {
      this.said = wordsFor(error);
    }
  }

  async #addUrl(url: string): Promise<void> {
    await this.#begun;
    if (this.#mayTry) this.#desk.addUrl(url);
  }

  get #mayTry(): boolean {
    return visitor.value !== "nobody" || this.site?.guests === true;
  }

  protected override render(): TemplateResult {
    const items = this.#desk.items.value;
    return html`
      ${this.site !== null && !this.#mayTry ? this.#door() : this.#zone()}
      ${this.said === "" ? nothing : html`<p class="notice bad" role="alert">${this.said}</p>`}
      ${
        items.length === 0 || this.site === null
          ? nothing
          : html`
            <div class="order">
              ${choicesView(this.site)}
              <ul class="items" aria-label=${t("uploader.chosen")}>
                ${items.map((item) => itemView(item, this.#desk))}
              </ul>
              ${startView(items, this.site, () => void this.#startAll())}
            </div>`
      }
      <song-list class="recent"></song-list>`;
  }

  #zone(): TemplateResult {
    const many = visitor.value === "user";
    return html`
      <form class="dropzone ${this.over ? "over" : ""}" @submit=${this.#link}>
        <label class="pick">
          <svg class="dropzone-mark" viewBox="0 0 48 48" aria-hidden="true">
            <path d="M24 31V9m0 0-9 9m9-9 9 9M8 31v8h32v-8" />
          </svg>
          <span class="dropzone-title">${t(many ? "uploader.drop_many" : "uploader.drop_one")}</span>
          <span class="hint">${this.#limits()}</span>
          <span class="button large">${this.#button}</span>
          <input type="file" class="unseen" accept=${ACCEPT} ?multiple=${many}
            @change=${this.#picked} />
        </label>
        <div class="link-row">
          <label class="field"><span>${t("uploader.link")}</span>
            <input type="url" name="url" inputmode="url" autocomplete="off" required
              placeholder="https://" pattern="https?://.+" /></label>
          <button type="submit" class="quiet">${t("uploader.fetch")}</button>
        </div>
      </form>`;
  }

  #door(): TemplateResult {
    return html`
      <div class="dropzone">
        <p class="dropzone-title">${t("uploader.sign_in_first")}</p>
        <p class="actions">
          ${this.site?.sign_up !== "closed" ? html`<a class="button large" href=${pageAddress("/sign-up")}>${t("forms.sign_up")}</a>` : nothing}
          <a class="button quiet" href=${pageAddress("/sign-in")}>${t("forms.sign_in")}</a>
        </p>
      </div>`;
  }

  #limits(): string {
    if (this.site === null) return "\u00a0";
    const { max_duration_s, max_upload_bytes } = this.site.plan;
    return t("uploader.limits", { length: clock(max_duration_s), size: size(max_upload_bytes) });
  }

  #picked(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#take([...(input.files ?? [])]);
    input.value = "";
  }

  #link(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const url = String(new FormData(form).get("url") ?? "").trim();
    if (url === "") return;
    void this.#addUrl(url);
    form.reset();
  }

  async #startAll(): Promise<void> {
    const count = this.#desk.items.value.filter(isReady).length;
    await this.#desk.start();
    announce(t("uploader.started", { count }));
    this.focusOn("song-list h2");
  }
}

define("song-uploader", SongUploader);
