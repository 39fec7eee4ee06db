// <song-page data-job-id=…>: a song of one's own, in the player.
import { html, LitElement, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { Owner } from "../../ui/owner";
import { address } from "../../ui/page";

interface Known {
  readonly name: string;
  // What will be shown, where that is known already.
  readonly stems: number;
  readonly formats: readonly string[];
}

export class SongPage extends LitElement {
  static override properties = { known: { state: true } };

  declare known: Known | null;
  #owner = new Owner();

  constructor() {
    super();
    this.known = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#owner = new Owner();
    // What was rendered for people without scripts has done its work.
    this.replaceChildren();
    void this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#owner.end();
  }

  // Into the page itself: it has the page's styles.
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const job_id = this.dataset["jobId"] ?? "";
    const { stems = 0, formats = [] } = this.known ?? {};
    return html`<stem-player src=${address(`/v1/jobs/${encodeURIComponent(job_id)}/manifest`)}
      keys="page" moment .rows=${stems} .formats=${formats.join(" ") || "wav flac mp3-320"}></stem-player>`;
  }

  async #look(): Promise<void> {
    const { signal } = this.#owner;
    const job_id = this.dataset["jobId"] ?? "";
    try {
      const [job, site] = await Promise.all([
        ask("get", "/v1/jobs/{job_id}", { place: { job_id }, signal }),
        ask("get", "/v1/site", { signal }),
      ]);
      const stems = job.result?.stems.length ?? job.stems?.length ?? 0;
      this.known = { name: job.song.name, stems, formats: site.plan.formats };
      this.#name(job.song.name);
    } catch {
      // The player asks for the song itself, and says what is wrong with it.
    }
  }

  #name(name: string): void {
    const heading = document.querySelector("h1");
    if (heading) heading.textContent = name;
    document.title = `${name} – ${document.title}`;
  }
}
