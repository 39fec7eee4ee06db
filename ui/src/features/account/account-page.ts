// <account-page>: profile, password, keys, webhooks, and leaving.
import { html, type nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { address } from "../../ui/page";
import { t } from "../../ui/texts";
import "./account-leaving";
import "./account-password";
import "./account-profile";
import "./api-keys";
import "./web-hooks";

type Account = Schema<"AccountAnswer">;

export class AccountPage extends HouseElement {
  static override properties = { account: { state: true }, said: { state: true } };
  declare account: Account | null;
  declare said: string;

  constructor() {
    super();
    this.account = null;
    this.said = "";
  }

  protected override start(): void {
    void this.#load();
    this.owner.listen(this, "account-changed", () => void this.#load());
  }

  async #load(): Promise<void> {
    try {
      this.account = await ask("get", "/v1/account", { signal: this.owner.signal });
    } catch (error) {
      if (!isAbort(error)) this.said = wordsFor(error);
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.said !== "")
      return html`<p class="notice bad" role="alert">${this.said}
        <a href="${address("/sign-in")}?next=${encodeURIComponent(location.pathname)}">${t("forms.sign_in")}</a></p>`;
    const account = this.account;
    if (account === null) return html`<p class="hint">${t("account.loading")}</p>`;
    if (account.kind === "guest")
      return html`<p class="notice">${t("account.guest")}
        <a href=${address("/sign-up")}>${t("forms.sign_up")}</a></p>
        <account-leaving .guest=${true}></account-leaving>`;
    return html`
      <account-profile class="card" .account=${account}></account-profile>
      <account-password class="card"></account-password>
      <api-keys class="card"></api-keys>
      <web-hooks class="card"></web-hooks>
      <account-leaving class="card" .guest=${false}></account-leaving>`;
  }
}

define("account-page", AccountPage);
