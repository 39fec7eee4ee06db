// <share-links>: links that play a song without an account, to make, copy and take back.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { announce } from "../../ui/announce";
import { define, HouseElement } from "../../ui/element";
import { fromNow } from "../../ui/format";
import { address } from "../../ui/page";
import { t } from "../../ui/texts";

type Share = Schema<"ShareAnswer">;

export class ShareLinks extends HouseElement {
  static override properties = {
    jobId: { attribute: false },
    shares: { state: true },
    busy: { state: true },
    said: { state: true },
  };
  declare jobId: string;
  declare shares: readonly Share[] | null;
  declare busy: boolean;
  declare said: string;

  constructor() {
    super();
    this.jobId = this.said = "";
    this.shares = null;
    this.busy = false;
  }

  protected override start(): void {
    void this.#run(() => this.#look());
  }

  protected override render(): TemplateResult {
    const shares = this.shares ?? [];
    return html`
      <section class="card stack" aria-labelledby="share-title">
        <h2 class="medium" id="share-title">${t("songs.share_title")}</h2>
        <p class="hint">${t("songs.share_lead")}</p>
        ${this.said === "" ? nothing : html`<p class="notice bad" role="alert">${this.said}</p>`}
        <ul class="rows" aria-label=${t("songs.share_links")}>${shares.map((one) => this.#row(one))}</ul>
        <p class="actions"><button type="button" class=${shares.length > 0 ? "quiet" : ""}
          ?disabled=${this.busy || this.shares === null} @click=${() => this.#make()}>${t("songs.share_make")}</button></p>
      </section>`;
  }

  #row(share: Share): TemplateResult {
    const link = pageOf(share);
    return html`
      <li class="row share">
        <label class="field"><span class="hint">${t("songs.share_ends", { when: fromNow(share.expires_at) })}</span>
          <input type="text" readonly .value=${link} aria-label=${t("songs.share_link")}
            @focus=${(event: Event) => (event.currentTarget as HTMLInputElement).select()} /></label>
        <span class="actions">
          <button type="button" class="small" @click=${() => this.#copy(link)}>${t("songs.share_copy")}</button>
          <button type="button" class="quiet small" @click=${() => this.#end(share)}>${t("songs.share_end")}</button>
        </span>
      </li>`;
  }

  async #make(): Promise<void> {
    await this.#run(async () => {
      await ask("post", "/v1/jobs/{job_id}/shares", { place: { job_id: this.jobId }, body: {} });
      await this.#look();
      announce(t("songs.share_made"));
      this.focusOn(".share input");
    });
  }

  async #end(share: Share): Promise<void> {
    await this.#run(async () => {
      const place = { job_id: this.jobId, share_id: share.id };
      await ask("delete", "/v1/jobs/{job_id}/shares/{share_id}", { place });
      await this.#look();
      announce(t("songs.share_ended"));
      this.focusOn("button");
    });
  }

  async #copy(link: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(link);
      announce(t("songs.share_copied"));
    } catch {
      // Not every page may: then it is there to be copied by hand.
      this.focusOn(".share input");
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.owner;
    const place = { job_id: this.jobId };
    const { data } = await ask("get", "/v1/jobs/{job_id}/shares", { place, signal });
    const now = Date.now();
    this.shares = data.filter((one) => Date.parse(one.expires_at) > now);
  }

  async #run(does: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.said = "";
    try {
      await does();
    } catch (error) {
      if (!isAbort(error)) this.said = wordsFor(error);
    }
    this.busy = false;
  }
}

// The page of a link, on this site and as this browser reaches it.
function pageOf(share: Share): string {
  const link = /\/shared\/([^/]+)\/manifest$/.exec(new URL(share.manifest_url).pathname)?.[1] ?? "";
  return new URL(address(`/shared/${link}`), location.origin).href;
}

define("share-links", ShareLinks);
