// Who somebody is here: address, plan, and the way out of this browser.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { day } from "../../ui/format";
import { go } from "../../ui/page";
import { t } from "../../ui/texts";
import { titled } from "./credits";

export class AccountProfile extends FormElement {
  static override properties = {
    ...FormElement.properties,
    account: { attribute: false },
  };
  declare account: Schema<"AccountAnswer">;

  protected override render(): TemplateResult {
    const { email, email_verified, plan, created_at } = this.account;
    return html`
      <h2>${t("account.profile")}</h2>
      <dl class="profile">
        <div><dt>${t("forms.email")}</dt><dd>${email}
          ${
            email_verified
              ? nothing
              : html`<p class="unconfirmed"><span class="bad">${t("account.unconfirmed")}</span>
            <button type="button" class="plain" @click=${this.#confirm}>${t("account.mail_again")}</button></p>`
          }</dd></div>
        <div><dt>${t("account.plan")}</dt><dd>${titled(plan)}</dd></div>
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
