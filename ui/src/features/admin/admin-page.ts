// The operator's pages: one view at a time, named in the address so that it can be shared.
import { html, type TemplateResult } from "lit";
import { define, HouseElement } from "../../ui/element";
import { t } from "../../ui/texts";
import "./admin-accounts";
import "./admin-actions";
import "./admin-jobs";
import "./admin-money";
import "./admin-overview";
import "./admin-takedowns";

const VIEWS: Readonly<Record<string, () => TemplateResult>> = {
  overview: () => html`<admin-overview></admin-overview>`,
  jobs: () => html`<admin-jobs></admin-jobs>`,
  accounts: () => html`<admin-accounts></admin-accounts>`,
  money: () => html`<admin-money></admin-money>`,
  takedowns: () => html`<admin-takedowns></admin-takedowns>`,
  actions: () => html`<admin-actions></admin-actions>`,
};

class AdminPage extends HouseElement {
  protected override start(): void {
    this.owner.listen(window, "hashchange", () => {
      this.requestUpdate();
      this.focusOn("h2");
    });
  }

  get #view(): string {
    const name = location.hash.slice(1).split("?")[0] ?? "";
    return name in VIEWS ? name : "overview";
  }

  protected override render(): TemplateResult {
    const shown = this.#view;
    return html`
      <nav class="tabs" aria-label=${t("admin.parts")}>
        ${Object.keys(VIEWS).map(
          (name) => html`<a href="#${name}" aria-current=${name === shown ? "page" : "false"}
            >${t(`admin.${name}.title`)}</a>`,
        )}
      </nav>
      <section class="stack">
        <h2 tabindex="-1">${t(`admin.${shown}.title`)}</h2>
        ${VIEWS[shown]?.()}
      </section>`;
  }
}

define("admin-page", AdminPage);
