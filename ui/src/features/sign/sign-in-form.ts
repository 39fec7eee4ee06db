// <sign-in-form>: in with a password or a provider; a forgotten password is mailed a way back.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { siteFacts } from "../../api/site";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { address } from "../../ui/page";
import { t } from "../../ui/texts";
import { goOn } from "./go-on";

export class SignInForm extends FormElement {
  static override properties = {
    ...FormElement.properties,
    forgotten: { state: true },
    openid: { state: true },
  };
  declare forgotten: boolean;
  declare openid: boolean;

  constructor() {
    super();
    this.forgotten = location.hash === "#forgotten";
    this.openid = false;
  }

  protected override start(): void {
    // Without the site's facts the password alone is offered.
    void siteFacts().then(
      (site) => {
        this.openid = site.openid;
      },
      () => undefined,
    );
  }

  protected override render(): TemplateResult {
    return this.forgotten ? this.#forgotten() : this.#signIn();
  }

  #signIn(): TemplateResult {
    const signIn = this.submit(async (fields) => {
      const body = { email: fields.text("email"), password: fields.text("password") };
      await ask("post", "/v1/session", { body });
      goOn();
      return null;
    });
    return html`
      <form class="form card" @submit=${signIn}>
        ${this.saying()}
        ${field("email", t("forms.email"), { type: "email", autocomplete: "username" })}
        ${field("password", t("forms.password"), { type: "password", autocomplete: "current-password" })}
        <button type="submit" class="large" ?disabled=${this.busy}>${t("forms.sign_in")}</button>
        <button type="button" class="plain" @click=${() => this.#turn(true)}>${t("forms.forgotten")}</button>
        ${this.openid ? html`<a class="button quiet" href=${address("/v1/openid/login")}>${t("forms.openid")}</a>` : nothing}
      </form>`;
  }

  #forgotten(): TemplateResult {
    const reset = this.submit(async (fields) => {
      await ask("post", "/v1/password-reset", { body: { email: fields.text("email") } });
      return t("forms.reset_sent");
    });
    return html`
      <form class="form card" @submit=${reset}>
        ${this.saying()}
        <p>${t("forms.reset_lead")}</p>
        ${field("email", t("forms.email"), { type: "email", autocomplete: "username" })}
        <button type="submit" class="large" ?disabled=${this.busy}>${t("forms.reset")}</button>
        <button type="button" class="plain" @click=${() => this.#turn(false)}>${t("forms.back")}</button>
      </form>`;
  }

  #turn(forgotten: boolean): void {
    this.forgotten = forgotten;
    this.said = null;
    this.focusOn("input");
  }
}

define("sign-in-form", SignInForm);
