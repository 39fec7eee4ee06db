// Everything that is kept, as one file; and the end of the account.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { define } from "../../ui/element";
import { type Fields, FormElement, field } from "../../ui/form";
import { address, go } from "../../ui/page";
import { t } from "../../ui/texts";

export class AccountLeaving extends FormElement {
  static override properties = { ...FormElement.properties, guest: { attribute: false } };
  declare guest: boolean;

  protected override render(): TemplateResult {
    return html`
      <h2>${t("account.data")}</h2>
      ${
        this.guest
          ? nothing
          : html`<p>${t("account.export_lead")}</p>
            <p class="actions"><a class="button quiet" href=${address("/v1/account/export")} download="account.json">${t("account.export")}</a></p>`
      }
      <details>
        <summary>${t("account.delete")}</summary>
        <form class="form" @submit=${this.#delete}>
          <p>${t("account.delete_lead")}</p>
          ${this.saying()}
          ${this.guest ? nothing : field("delete-password", t("forms.password"), { type: "password", autocomplete: "current-password", required: false })}
          <label class="check"><input type="checkbox" name="sure" required />
            <span>${t("account.delete_sure")}</span></label>
          <button type="submit" class="danger" ?disabled=${this.busy}>${t("account.delete")}</button>
        </form>
      </details>`;
  }

  readonly #delete = this.submit(async (fields: Fields) => {
    const body = {
      password: fields.text("delete-password") || null,
      confirm: "delete everything" as const,
    };
    await ask("post", "/v1/account/deletion", { body });
    go("/");
    return null;
  });
}

define("account-leaving", AccountLeaving);
