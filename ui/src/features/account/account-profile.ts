// Who somebody is here: address, plan, credits, and the way out of this browser.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { count, day, wait } from "../../ui/format";
import { go } from "../../ui/page";
import { t } from "../../ui/texts";

export class AccountProfile extends FormElement {
  static override properties = {
    ...FormElement.properties,
    account: { attribute: false },
    balance: { state: true },
  };
  declare account: Schema<"AccountAnswer">;
  declare balance: Schema<"BalanceAnswer"> | null;

  constructor() {
    super();
    this.balance = null;
  }

  protected override start(): void {
    // The balance is an extra: the profile is whole without it.
    void ask("get", "/v1/balance", { signal: this.owner.signal }).then(
      (balance) => {
        this.balance = balance;
      },
      () => undefined,
    );
  }

  protected override render(): TemplateResult {
    const { email, email_verified, plan, created_at } = this.account;
    return html`
      <h2>${t("account.profile")}</h2>
      <dl class="profile">
        <div><dt>${t("forms.email")}</dt><dd>${email}
          ${
            email_verified
              ? nothing
              : html`<span class="bad">${t("account.unconfirmed")}</span>
            <button type="button" class="plain" @click=${this.#confirm}>${t("account.mail_again")}</button>`
          }</dd></div>
        <div><dt>${t("account.plan")}</dt><dd>${plan}</dd></div>
        ${this.balance === null ? nothing : html`<div><dt>${t("account.credits")}</dt><dd>${this.#credits(this.balance)}</dd></div>`}
        <div><dt>${t("account.since")}</dt><dd>${day(created_at)}</dd></div>
      </dl>
      ${this.saying()}
      <details>
        <summary>${t("account.change_email")}</summary>
        <form class="form" @submit=${this.#change}>
          ${field("new-email", t("account.new_email"), { type: "email", autocomplete: "email" })}
          ${field("email-password", t("forms.password"), { type: "password", autocomplete: "current-password", required: false })}
          <button type="submit" ?disabled=${this.busy}>${t("account.change_email")}</button>
        </form>
      </details>
      <p class="actions"><button type="button" class="quiet" @click=${this.#signOut}>${t("account.sign_out")}</button></p>`;
  }

  #credits({ available, unit }: Schema<"BalanceAnswer">): string {
    return unit === "song"
      ? t("uploader.songs", { count: available })
      : available < 1
        ? count(0)
        : wait(available);
  }

  readonly #change = this.submit(async (fields) => {
    const body = {
      email: fields.text("new-email"),
      password: fields.text("email-password") || null,
    };
    await ask("put", "/v1/account/email", { body });
    return t("account.email_sent");
  });

  readonly #confirm = (): void => {
    void this.run(async () => {
      await ask("post", "/v1/account/verification");
      return t("account.mail_sent");
    });
  };

  readonly #signOut = (): void => {
    void this.run(async () => {
      await ask("delete", "/v1/session");
      go("/");
      return null;
    });
  };
}

define("account-profile", AccountProfile);
