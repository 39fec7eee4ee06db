// Another password; all other browsers are signed out with it.
import { html, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { t } from "../../ui/texts";
import { newPassword } from "../sign/passwords";

export class AccountPassword extends FormElement {
  protected override render(): TemplateResult {
    return html`
      <h2>${t("account.password")}</h2>
      <form class="form" @submit=${this.#change}>
        ${this.saying()}
        ${field("current-password", t("account.current_password"), { type: "password", autocomplete: "current-password", required: false, hint: t("account.current_hint") })}
        ${newPassword("new-password", t("account.new_password"))}
        <button type="submit" ?disabled=${this.busy}>${t("account.change_password")}</button>
      </form>`;
  }

  readonly #change = this.submit(async (fields) => {
    const body = {
      current_password: fields.text("current-password") || null,
      new_password: fields.text("new-password"),
    };
    await ask("put", "/v1/account/password", { body });
    return t("account.password_changed");
  });
}

define("account-password", AccountPassword);
