// <song-library>: all songs of the account, found by name, in pages.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import { announce } from "../../ui/announce";
import { define, HouseElement } from "../../ui/element";
import { emptyView } from "../../ui/empty";
import { Owner } from "../../ui/owner";
import { page, pageAddress, signIn } from "../../ui/page";
import { t } from "../../ui/texts";
import { cardView } from "../songs/card";
import { Follower } from "../songs/follow";
import type { CardHost } from "../songs/host";
import { jobs } from "../songs/jobs";

const TYPING_MS = 250;

type Loading = "first" | "more" | "done" | "failed";

export class SongLibrary extends HouseElement implements CardHost {
  static override properties = { words: { state: true }, loading: { state: true } };
  declare words: string;
  declare loading: Loading;
  readonly troubles = new Map<string, string>();
  renaming: string | null = null;
  #cursor: string | null = null;
  #said = "";
  #search = new Owner();

  constructor() {
    super();
    this.words = new URLSearchParams(location.search).get("q") ?? "";
    this.loading = "first";
  }

  protected override start(): void {
    this.follow(jobs);
    new Follower(this.owner);
    void this.#look();
  }

  // Answers to words that have changed meanwhile are dropped with their owner.
  async #look(cursor: string | null = null): Promise<void> {
    // Nobody has songs, and would only be told that.
    if (page.visitor === "nobody") {
      this.loading = "done";
      return;
    }
    const search = this.#newSearch();
    this.loading = cursor === null ? "first" : "more";
    const query = { limit: 20, ...(cursor && { cursor }), ...(this.words && { q: this.words }) };
    try {
      const found = await ask("get", "/v1/jobs", { query, signal: search.signal });
      this.#cursor = found.next_cursor;
      jobs.set(cursor === null ? found.data : [...jobs.value, ...found.data]);
      this.loading = "done";
      if (this.words !== "") announce(t("songs.found", { count: jobs.value.length }));
    } catch (error) {
      if (isAbort(error)) return;
      this.#said = wordsFor(error);
      this.loading = "failed";
    }
  }

  #newSearch(): Owner {
    this.#search.end();
    const search = new Owner();
    this.#search = search;
    this.owner.hold(() => search.end());
    return search;
  }

  protected override render(): TemplateResult {
    if (page.visitor === "nobody")
      return emptyView(t("songs.nobody"), { path: signIn(), text: t("songs.sign_in") });
    if (this.loading === "done" && this.words === "" && jobs.value.length === 0)
      return emptyView(t("songs.none"), { path: pageAddress("/"), text: t("songs.first") });
    return html`
      <form class="search" role="search" @submit=${(event: Event) => event.preventDefault()}>
        <label class="field"><span>${t("songs.search")}</span>
          <input type="search" name="q" .value=${this.words} maxlength="200" @input=${this.#typed} /></label>
      </form>
      ${this.#list()}
      ${
        this.loading === "done" && this.#cursor !== null
          ? html`<p class="more"><button type="button" class="quiet" @click=${() => void this.#look(this.#cursor)}>${t("songs.older")}</button></p>`
          : nothing
      }`;
  }

  #list(): unknown {
    if (this.loading === "failed")
      return html`<div class="notice bad" role="alert"><p>${this.#said}</p>
        <button type="button" class="quiet small" @click=${() => void this.#look()}>${t("songs.again")}</button></div>`;
    if (jobs.value.length > 0)
      return html`<ul class="songs" aria-busy=${this.loading === "first"}>
        ${repeat(
          jobs.value,
          (job) => job.id,
          (job) => cardView(job, this),
        )}</ul>`;
    if (this.loading !== "done") return html`<p class="hint">${t("songs.loading")}</p>`;
    return html`<p>${t("songs.nothing_found", { words: this.words })}</p>`;
  }

  #typed(event: Event): void {
    this.words = (event.target as HTMLInputElement).value.trim();
    this.#newSearch().after(TYPING_MS, () => void this.#look());
  }

  protected override updated(): void {
    if (this.renaming !== null) this.querySelector<HTMLInputElement>(".rename input")?.focus();
  }
}

define("song-library", SongLibrary);
