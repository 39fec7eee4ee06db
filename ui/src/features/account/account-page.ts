// <account-page>: what was just bought, profile, credits, plan, password, keys, webhooks, leaving.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { ApiError, isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { emptyView } from "../../ui/empty";
import { page, pageAddress, signIn } from "../../ui/page";
import { t } from "../../ui/texts";
import "./account-credits";
import "./account-leaving";
import "./account-password";
import "./account-plan";
import "./account-profile";
import "./account-purchase";
import "./api-keys";
import "./web-hooks";

// Whoever comes back from Stripe may be faster than what it tells us.
const LOOKS_AFTER_MS = [1500, 4000, 10_000];

type Account = Schema<"AccountAnswer">;

export class AccountPage extends HouseElement {
  static override properties = {
    account: { state: true },
    said: { state: true },
    signedOut: { state: true },
  };
  declare account: Account | null;
  declare said: string;
  declare signedOut: boolean;

  constructor() {
    super();
    this.account = null;
    this.said = "";
    this.signedOut = false;
  }

  protected override start(): void {
    // Nobody has an account, and would only be refused it.
    if (page.visitor === "nobody") return;
    void this.#load();
    if (this.#isBack())
      for (const wait of LOOKS_AFTER_MS) this.owner.after(wait, () => void this.#load());
    this.owner.listen(this, "account-changed", () => void this.#load());
  }

  #isBack(): boolean {
    const here = new URL(location.href);
    if (!here.searchParams.has("back")) return false;
    here.searchParams.delete("back");
    history.replaceState(history.state, "", here);
    return true;
  }

  async #load(): Promise<void> {
    try {
      const known = this.account !== null;
      this.account = await ask("get", "/v1/account", { signal: this.owner.signal });
      if (known) this.#renew();
    } catch (error) {
      if (isAbort(error)) return;
      // Signed out in another window, or by the end of the session.
      if (error instanceof ApiError && error.status === 401) this.signedOut = true;
      else this.said = wordsFor(error);
    }
  }

  readonly #again = (): void => {
    this.said = "";
    void this.#load();
  };

  // What shows money looks again: something was bought.
  #renew(): void {
    for (const part of this.querySelectorAll<HouseElement & { load(): Promise<void> }>(
      "account-credits, account-plan",
    ))
      void part.load();
  }

  protected override render(): TemplateResult | typeof nothing {
    if (page.visitor === "nobody" || this.signedOut)
      return emptyView(t("account.nobody"), { path: signIn(), text: t("forms.sign_in") });
    if (this.said !== "")
      return html`<div class="notice bad" role="alert"><p>${this.said}</p>
        <button type="button" class="quiet small" @click=${this.#again}>${t("uploader.again")}</button></div>`;
    const account = this.account;
    if (account === null) return html`<p class="hint">${t("account.loading")}</p>`;
    if (account.kind === "guest")
      return html`<p class="notice">${t("account.guest")}
        <a href=${pageAddress("/sign-up")}>${t("forms.sign_up")}</a></p>
        <account-leaving class="card" .guest=${true}></account-leaving>`;
    return html`
      <account-purchase></account-purchase>
      <account-profile class="card" .account=${account}></account-profile>
      <account-credits class="card"></account-credits>
      ${this.dataset["sells"] === "yes" ? html`<account-plan class="card"></account-plan>` : nothing}
      <account-password class="card"></account-password>
      <api-keys class="card"></api-keys>
      <web-hooks class="card"></web-hooks>
      <account-leaving class="card" .guest=${false}></account-leaving>`;
  }
}

define("account-page", AccountPage);
