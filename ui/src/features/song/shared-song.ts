// <shared-song data-link=…>: somebody else's song, as whoever has its link hears it.
import { html, nothing, type TemplateResult } from "lit";
import { define, HouseElement } from "../../ui/element";
import { address } from "../../ui/page";
import { t } from "../../ui/texts";
import type { StemPlayer } from "../player/stem-player";
import { called } from "./heading";

export class SharedSong extends HouseElement {
  protected override start(): void {
    void this.#name();
  }

  protected override render(): TemplateResult {
    const link = encodeURIComponent(this.dataset["link"] ?? "");
    const one = this.dataset["screen"] === "single";
    return html`
      <stem-player src=${address(`/v1/shared/${link}/manifest`)} keys="page" moment bare
        single=${one ? "" : nothing}></stem-player>
      <p class="more"><a class="button" href=${address("/")}>${t("songs.your_own")}</a></p>`;
  }

  async #name(): Promise<void> {
    await this.updateComplete;
    const element = this.querySelector<StemPlayer>("stem-player");
    await element?.updateComplete;
    const player = element?.player;
    if (!player) return;
    const look = () => {
      const { manifest } = player;
      if (manifest) called([manifest.title, manifest.artist].filter(Boolean).join(", "));
    };
    this.owner.hold(player.state.watch(look));
    look();
  }
}

define("shared-song", SharedSong);
