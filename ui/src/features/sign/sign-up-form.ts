// <sign-up-form>: an account of one's own; guests keep their songs.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { siteFacts } from "../../api/site";
import { visitor } from "../../api/visitor";
import { define } from "../../ui/element";
import { type Fields, FormElement, field } from "../../ui/form";
import { address, pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import { goOn } from "./go-on";
import { newPassword } from "./passwords";

export class SignUpForm extends FormElement {
  static override properties = {
    ...FormElement.properties,
    open: { state: true },
    openid: { state: true },
    mailed: { state: true },
  };
  declare open: boolean;
  declare openid: boolean;
  declare mailed: boolean;

  constructor() {
    super();
    this.open = true;
    this.openid = false;
    this.mailed = false;
  }

  protected override start(): void {
    void siteFacts().then(
      (site) => {
        this.open = site.sign_up !== "closed";
        this.openid = site.openid;
      },
      () => undefined,
    );
  }

  protected override render(): TemplateResult {
    if (!this.open) return html`<p class="notice">${t("forms.closed")}</p>`;
    if (this.mailed) return html`<p class="notice" role="status">${t("forms.confirm_first")}</p>`;
    const signUp = this.submit((fields) => this.#signUp(fields));
    return html`
      <form class="form card" @submit=${signUp}>
        ${this.saying()}
        ${visitor.value === "guest" ? html`<p class="hint">${t("forms.guest_keeps")}</p>` : nothing}
        ${field("email", t("forms.email"), { type: "email", autocomplete: "username" })}
        ${newPassword("password", t("forms.password"))}
        <button type="submit" class="large" ?disabled=${this.busy}>${t("forms.sign_up")}</button>
        <p class="hint">${t("forms.agree")} <a href=${pageAddress("/terms")}>${t("forms.terms")}</a>
          · <a href=${pageAddress("/privacy")}>${t("forms.privacy")}</a></p>
        ${this.openid ? html`<a class="button quiet" href=${address("/v1/openid/login")}>${t("forms.openid")}</a>` : nothing}
      </form>`;
  }

  async #signUp(fields: Fields): Promise<null> {
    const body = { email: fields.text("email"), password: fields.text("password") };
    const answer = await ask("post", "/v1/account", { body });
    if ("status" in answer) this.mailed = true;
    else goOn();
    return null;
  }
}

define("sign-up-form", SignUpForm);
