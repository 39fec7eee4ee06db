// <song-page data-job-id=…>: a song of one's own: its facts, its player, its downloads and links.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { ApiError } from "../../api/errors";
import { siteFacts } from "../../api/site";
import { define, HouseElement } from "../../ui/element";
import { emptyView } from "../../ui/empty";
import { clock, fromNow } from "../../ui/format";
import { address, page, pageAddress, signIn } from "../../ui/page";
import { t } from "../../ui/texts";
import type { StemPlayer } from "../player/stem-player";
import { isUnfinished } from "../songs/jobs";
import { called } from "./heading";
import "./share-links";

interface Known {
  readonly name: string;
  // What will be shown, where that is known already.
  readonly stems: number;
  readonly formats: readonly string[];
  readonly facts: readonly string[];
  readonly done: boolean;
}

const USUAL_FORMATS = "wav flac mp3-320";

export class SongPage extends HouseElement {
  static override properties = {
    known: { state: true },
    absent: { state: true },
    sharing: { state: true },
  };
  declare known: Known | null;
  declare absent: boolean;
  declare sharing: boolean;

  constructor() {
    super();
    this.known = null;
    this.absent = page.visitor === "nobody";
    this.sharing = false;
  }

  protected override start(): void {
    if (!this.absent) void this.#look();
  }

  get #jobId(): string {
    return this.dataset["jobId"] ?? "";
  }

  protected override render(): TemplateResult {
    if (this.absent)
      return page.visitor === "nobody"
        ? emptyView(t("songs.absent_nobody"), { path: signIn(), text: t("songs.sign_in") })
        : emptyView(t("songs.absent"), { path: pageAddress("/library"), text: t("songs.all") });
    const { stems = 0, formats = [], facts = [], done = false } = this.known ?? {};
    const one = this.dataset["screen"] === "single";
    return html`
      <div class="song-bar">
        <p class="facts">${facts.map((fact) => html`<span>${fact}</span>`)}</p>
        <div class="actions">
          <button type="button" ?disabled=${!done} @click=${this.#download}>${t("player.download")}</button>
          <button type="button" class="quiet" ?disabled=${!done} aria-expanded=${this.sharing}
            @click=${() => {
              this.sharing = !this.sharing;
            }}>${t("songs.share")}</button>
        </div>
      </div>
      ${this.sharing ? html`<share-links .jobId=${this.#jobId}></share-links>` : nothing}
      <stem-player src=${address(`/v1/jobs/${encodeURIComponent(this.#jobId)}/manifest`)}
        keys="page" moment bare single=${one ? "" : nothing} .rows=${one ? 0 : stems}
        .formats=${formats.join(" ") || USUAL_FORMATS}></stem-player>`;
  }

  #download(): void {
    this.querySelector<StemPlayer>("stem-player")?.openDownloads();
  }

  async #look(): Promise<void> {
    try {
      const [job, site] = await Promise.all([
        ask("get", "/v1/jobs/{job_id}", {
          place: { job_id: this.#jobId },
          signal: this.owner.signal,
        }),
        siteFacts(),
      ]);
      this.known = {
        name: job.song.name,
        stems: job.result?.stems.length ?? job.stems?.length ?? 0,
        formats: site.plan.formats,
        done: job.status === "succeeded",
        facts: [
          clock(job.song.duration_s),
          ...(job.expires_at === null
            ? []
            : [t("songs.expires", { when: fromNow(job.expires_at) })]),
        ],
      };
      called(job.song.name);
      if (isUnfinished(job)) this.owner.after(LOOK_AGAIN_MS, () => void this.#look());
    } catch (error) {
      // Of all else the player tells, which asks for the song itself.
      if (error instanceof ApiError && ABSENT.includes(error.status)) this.absent = true;
    }
  }
}

const LOOK_AGAIN_MS = 2_000;
const ABSENT: readonly number[] = [401, 404, 422];

define("song-page", SongPage);
