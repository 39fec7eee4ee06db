// <song-list>: the songs of this visit and those that are not finished, newest first.
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { ask } from "../../api/client";
import { visitor } from "../../api/visitor";
import { define, HouseElement } from "../../ui/element";
import { pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import { cardView } from "./card";
import { Follower } from "./follow";
import type { CardHost } from "./host";
import { jobs } from "./jobs";

const SHOWN = 5;

export class SongList extends HouseElement implements CardHost {
  readonly troubles = new Map<string, string>();
  renaming: string | null = null;

  protected override start(): void {
    this.follow(jobs);
    new Follower(this.owner);
    if (visitor.value !== "nobody") void this.#begin();
  }

  async #begin(): Promise<void> {
    const query = { limit: SHOWN };
    // Without an answer there is no list, and nothing else is lost.
    const found = await ask("get", "/v1/jobs", { query, signal: this.owner.signal }).catch(
      () => null,
    );
    const known = new Set(jobs.value.map((job) => job.id));
    const older = found?.data.filter((job) => !known.has(job.id)) ?? [];
    jobs.change((all) => [...all, ...older]);
  }

  protected override render(): unknown {
    if (jobs.value.length === 0) return nothing;
    return html`
      <h2 class="songs-title" tabindex="-1">${t("songs.title")}</h2>
      <ul class="songs">
        ${repeat(
          jobs.value.slice(0, Math.max(SHOWN, jobs.value.length)),
          (job) => job.id,
          (job) => cardView(job, this),
        )}
      </ul>
      ${visitor.value === "user" ? html`<p class="more"><a href=${pageAddress("/library")}>${t("songs.all")}</a></p>` : nothing}`;
  }

  protected override updated(): void {
    if (this.renaming !== null) this.querySelector<HTMLInputElement>(".rename input")?.focus();
  }
}

define("song-list", SongList);
