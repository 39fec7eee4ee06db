// <shared-song data-link=…>: somebody else's song, as whoever has its link hears it.
import { html, nothing, type TemplateResult } from "lit";
import { define, HouseElement } from "../../ui/element";
import { emptyView } from "../../ui/empty";
import { address, pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import type { StemPlayer } from "../player/stem-player";
import { called } from "./heading";

export class SharedSong extends HouseElement {
  static override properties = { ended: { state: true } };
  declare ended: boolean;

  constructor() {
    super();
    this.ended = false;
  }

  protected override start(): void {
    void this.#name();
  }

  protected override render(): TemplateResult {
    if (this.ended)
      return emptyView(t("songs.link_ended"), {
        path: pageAddress("/"),
        text: t("songs.your_own"),
      });
    const link = encodeURIComponent(this.dataset["link"] ?? "");
    const one = this.dataset["screen"] === "single";
    return html`
      <stem-player src=${address(`/v1/shared/${link}/manifest`)} keys="page" moment bare
        single=${one ? "" : nothing}></stem-player>
      <p class="more"><a class="button" href=${pageAddress("/")}>${t("songs.your_own")}</a></p>`;
  }

  async #name(): Promise<void> {
    await this.updateComplete;
    const element = this.querySelector<StemPlayer>("stem-player");
    await element?.updateComplete;
    const player = element?.player;
    if (!player) return;
    const look = () => {
      const { manifest } = player;
      const kind = player.state.value.problem?.kind;
      // What can be heard already stays.
      if (!manifest && (kind === "missing" || kind === "expired")) this.ended = true;
      if (manifest) called([manifest.title, manifest.artist].filter(Boolean).join(", "));
    };
    this.owner.hold(player.state.watch(look));
    look();
  }
}

define("shared-song", SharedSong);
