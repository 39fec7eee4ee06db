// What became of a purchase, for whoever comes back from the till with ?purchase= in the address.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import { titled } from "./credits";

type Purchase = Schema<"PurchaseAnswer">;

// A card is answered at once; Stripe may need a moment to tell.
const LOOKS = 5;
const PAUSE_MS = 1500;

class AccountPurchase extends HouseElement {
  static override properties = { purchase: { state: true }, trouble: { state: true } };
  declare purchase: Purchase | null;
  declare trouble: string;
  #asked = "";

  constructor() {
    super();
    this.purchase = null;
    this.trouble = "";
  }

  protected override start(): void {
    const here = new URL(location.href);
    const asked = here.searchParams.get("purchase");
    if (asked === null) return;
    this.#asked = asked;
    // A reload must not tell it again.
    here.searchParams.delete("purchase");
    history.replaceState(history.state, "", here);
    void this.#look();
  }

  async #look(): Promise<void> {
    const place = { purchase_id: this.#asked };
    try {
      for (let looked = 0; looked < LOOKS; looked += 1) {
        if (looked > 0) await this.owner.pause(PAUSE_MS);
        const { signal } = this.owner;
        this.purchase = await ask("post", "/v1/purchases/{purchase_id}/check", { place, signal });
        if (this.purchase.state !== "open") break;
      }
      this.dispatchEvent(new CustomEvent("account-changed", { bubbles: true }));
    } catch (error) {
      if (!isAbort(error) && !this.owner.ended) this.trouble = wordsFor(error);
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    this.hidden = this.#asked === "";
    if (this.hidden) return nothing;
    if (this.trouble !== "") return html`<p class="notice bad" role="alert">${this.trouble}</p>`;
    const purchase = this.purchase;
    if (purchase === null)
      return html`<p class="notice" role="status">${t("money.purchase_asked")}</p>`;
    const item = titled(purchase.item);
    switch (purchase.state) {
      case "paid":
        return html`<p class="notice fine" role="status">
          ${t(`money.purchase_paid_${purchase.kind}`, { item })}
          <a href=${pageAddress("/")}>${t("money.to_songs")}</a></p>`;
      case "open":
        return purchase.url === null
          ? html`<p class="notice" role="status">${t("money.purchase_waits", { item })}</p>`
          : html`<p class="notice" role="status">${t("money.purchase_open", { item })}
            <a href=${purchase.url}>${t("money.go_on")}</a></p>`;
      default:
        return html`<p class="notice bad" role="alert">
          ${t(`money.purchase_${purchase.state}`, { item })}
          <a href=${pageAddress("/prices")}>${t("money.see_prices")}</a></p>`;
    }
  }
}

define("account-purchase", AccountPurchase);
