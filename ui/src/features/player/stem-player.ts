// <stem-player src="…/manifest">: plays a song's stems in a mixer. See docs/player.md.
import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import type { Player } from "../../player/player";
import type { Release } from "../../ui/owner";
import { hasDownloads } from "./addresses";
import { downloadDialog, helpDialog } from "./dialogs";
import { Gestures } from "./gestures";
import { isTaken, keyRules } from "./keys";
import { Painter } from "./painting";
import { stemColour } from "./rows";
import { Session } from "./session";
import { styles } from "./styles";
import { say, stemTitle } from "./texts";
import { momentOf, withMoment } from "./time";
import { transport } from "./transport";
import { header, notice, single, stage } from "./views";

const ADDRESS_AFTER_MS = 400;
const FORMATS = "wav flac mp3-320 m4a ogg";

export class StemPlayer extends LitElement {
  static override styles = styles;
  static override properties = {
    src: {},
    // "" or the name of the one stem that is shown.
    single: {},
    formats: {},
    // "off" hides downloads; they are hidden as well where the manifest has none beside it.
    downloads: {},
    // How many stems there will be, where that is known before the song: their room is kept free.
    rows: { type: Number },
    // "page": keys work wherever the focus is.
    keys: {},
    // Whether the moment is read from the page's address, and can be copied.
    moment: { type: Boolean },
    // Without the song's name, and with the doors to downloads elsewhere: the page has them.
    bare: { type: Boolean },
    format: { state: true },
  };

  declare src: string | null;
  declare single: string | null;
  declare formats: string;
  declare downloads: string | null;
  declare rows: number;
  declare keys: string | null;
  declare moment: boolean;
  declare bare: boolean;
  declare format: string;

  #session: Session | null = null;
  #painter: Painter | null = null;
  readonly #rules = keyRules({
    openHelp: () => this.#open("help"),
    openDownloads: () => this.#open("downloads"),
  });

  constructor() {
    super();
    this.src = this.single = this.downloads = this.keys = null;
    this.formats = FORMATS;
    this.format = "";
    this.rows = 0;
    this.moment = this.bare = false;
  }

  // The sound behind it, for programs.
  get player(): Player | null {
    return this.#session?.player ?? null;
  }

  openDownloads(): void {
    this.#open("downloads");
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#end();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("src")) this.#begin();
  }

  protected override updated(): void {
    for (const row of this.renderRoot.querySelectorAll<HTMLElement>("[data-stem]")) {
      row.style.setProperty("--stem-colour", stemColour(Number(row.dataset["stem"])));
    }
    for (const take of this.renderRoot.querySelectorAll<HTMLElement>("[data-colour]")) {
      take.style.setProperty("--stem-colour", take.dataset["colour"] ?? "");
    }
    this.#painter?.wake();
  }

  protected override render(): TemplateResult {
    const session = this.#session;
    if (session === null) return html``;
    const title = session.manifest?.title;
    const offered = this.downloads !== "off" && hasDownloads(session.player.remote);
    const openHelp = () => this.#open("help");
    const openDownloads = offered ? () => this.openDownloads() : null;
    const formats = this.formats.split(/[\s,]+/).filter(Boolean);
    const format = formats.includes(this.format) ? this.format : (formats[0] ?? "wav");
    const choose = (chosen: string) => {
      this.format = chosen;
    };
    const inside = this.bare ? openHelp : null;
    const share = this.moment ? () => this.#share() : null;
    const only = this.single === null ? null : this.#singleStem(session);
    const body =
      only === null
        ? html`${stage(session, this.rows)} ${transport(session, { share, openHelp: inside })}`
        : single(session, only, inside);
    return html`<section class="player" tabindex="0" role="group"
        aria-label=${title ? `${say("player")}: ${title}` : say("player")}
        aria-keyshortcuts="Space K ArrowLeft ArrowRight Home End L M S">
        ${this.bare ? "" : header(session, { openHelp, openDownloads })} ${notice(session)} ${body}
        <div class="unseen" role="status" id="said"></div>
      </section>
      ${offered ? downloadDialog(session, { formats, format, only, choose }) : ""}
      ${helpDialog(this.#rules, this.keys === "page", (on) => {
        this.keys = on ? "page" : null;
      })}`;
  }

  #begin(): void {
    this.#end();
    if (!this.src || !this.isConnected) return;
    const session = new Session(this.src, () => this.#changed());
    this.#session = session;
    const root = this.renderRoot as ShadowRoot;
    this.#painter = new Painter(root, session);
    new Gestures(root, session);
    const { owner, player } = session;
    owner.listen<KeyboardEvent>(this, "keydown", (event) => this.#key(event));
    owner.listen<KeyboardEvent>(document, "keydown", (event) => {
      const nobody = event.target === document.body || event.target === document.documentElement;
      if (this.keys === "page" && nobody) this.#key(event);
    });
    const sizes = new ResizeObserver(() => this.#painter?.redraw());
    sizes.observe(this);
    owner.hold(() => sizes.disconnect());
    const dark = matchMedia("(prefers-color-scheme: dark)");
    owner.listen(dark, "change", () => this.#painter?.redraw());
    if (this.moment) {
      const go = () => {
        const time_s = momentOf(location.hash);
        if (time_s !== null) player.seek(time_s);
      };
      owner.listen(window, "hashchange", go);
      go();
      // Browsers refuse an address that changes too often.
      let release: Release = () => undefined;
      const later = () => {
        release();
        release = owner.after(ADDRESS_AFTER_MS, () => this.#remember());
      };
      owner.hold(player.state.watch(later));
    }
    this.requestUpdate();
  }

  #end(): void {
    this.#session?.end();
    this.#session = null;
    this.#painter = null;
  }

  #changed(): void {
    this.#settleSingle();
    this.requestUpdate();
    this.#painter?.wake();
  }

  // In the single view the one stem is what one hears, until the original is asked for.
  #settled: unknown = null;

  #settleSingle(): void {
    const session = this.#session;
    const mixer = session?.mixer;
    if (this.single === null || !session || !mixer || this.#settled === mixer) return;
    if (session.stems.length === 0) return;
    this.#settled = mixer;
    if (session.stems.length > 1) mixer.change(this.#singleStem(session), { soloed: true });
  }

  #singleStem(session: Session): number {
    const found = session.stems.findIndex(({ name }) => name === this.single);
    return Math.max(0, found);
  }

  #key(event: KeyboardEvent): void {
    const session = this.#session;
    if (session === null || isTaken(event)) return;
    const rule = this.#rules.find((one) => one.matches(event));
    if (rule === undefined) return;
    event.preventDefault();
    rule.act(session, event);
    if (rule.text === "key_stem") {
      const stem = stemTitle(session.stems[session.chosen.value]?.name ?? "");
      this.#say(say("chosen", { stem }));
    }
    this.#painter?.wake();
  }

  #open(id: "help" | "downloads"): void {
    const dialog = this.renderRoot.querySelector<HTMLDialogElement>(`dialog#${id}`);
    if (dialog && !dialog.open) dialog.showModal();
  }

  // The address says where a paused song stands, so that a reload, or a friend, goes on there.
  #remember(): void {
    const { player } = this;
    if (player === null || player.state.value.transport !== "paused" || player.position_s === 0)
      return;
    const address = withMoment(location.href, player.position_s);
    if (address !== location.href) history.replaceState(history.state, "", address);
  }

  async #share(): Promise<void> {
    const { player } = this;
    if (player === null) return;
    const address = withMoment(location.href, player.position_s);
    history.replaceState(history.state, "", address);
    await navigator.clipboard.writeText(address);
    this.#say(say("shared"));
  }

  #say(words: string): void {
    const place = this.renderRoot.querySelector("#said");
    if (place) place.textContent = words;
  }
}
