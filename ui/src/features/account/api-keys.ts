// Keys for programs: made, shown once, revoked.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { day, fromNow } from "../../ui/format";
import { t } from "../../ui/texts";
import { secretView } from "./secret";

type Key = Schema<"KeyAnswer">;
type Scope = Schema<"KeyRequest">["scopes"][number];

const SCOPES: readonly Scope[] = [
  "uploads",
  "jobs:read",
  "jobs:write",
  "webhooks",
  "account:read",
  "account:write",
];
const USUAL: readonly Scope[] = ["uploads", "jobs:read", "jobs:write"];

export class ApiKeys extends FormElement {
  static override properties = {
    ...FormElement.properties,
    keys: { state: true },
    secret: { state: true },
  };
  declare keys: readonly Key[];
  declare secret: string;

  constructor() {
    super();
    this.keys = [];
    this.secret = "";
  }

  protected override start(): void {
    void this.run(async () => this.#load());
  }

  async #load(): Promise<null> {
    const query = { limit: 100 };
    const found = await ask("get", "/v1/keys", { query, signal: this.owner.signal });
    this.keys = found.data.filter((key) => key.revoked_at === null);
    return null;
  }

  protected override render(): TemplateResult {
    return html`
      <h2>${t("account.keys")}</h2>
      <p class="hint">${t("account.keys_lead")}</p>
      ${this.saying()}
      ${this.secret === "" ? nothing : secretView(this.secret, t("account.key_once"))}
      ${this.keys.length === 0 ? nothing : html`<ul class="rows">${this.keys.map((key) => this.#row(key))}</ul>`}
      <details>
        <summary>${t("account.new_key")}</summary>
        <form class="form" @submit=${this.#make}>
          ${field("key-name", t("account.key_name"), { maxlength: 100 })}
          <fieldset class="checks"><legend>${t("account.scopes")}</legend>
            ${SCOPES.map((scope) => html`<label class="check"><input type="checkbox" name="scope" value=${scope} ?checked=${USUAL.includes(scope)} /><span>${t(`account.scope_${scope.replace(":", "_")}`)}</span></label>`)}
          </fieldset>
          <button type="submit" ?disabled=${this.busy}>${t("account.make_key")}</button>
        </form>
      </details>`;
  }

  #row(key: Key): TemplateResult {
    const used =
      key.last_used_at === null
        ? t("account.never_used")
        : t("account.used", { when: fromNow(key.last_used_at) });
    return html`<li class="row">
      <div><strong>${key.name}</strong> <code>${key.shown_start}…</code>
        <p class="hint">${t("account.made", { day: day(key.created_at) })} · ${used}</p></div>
      <button type="button" class="quiet small" aria-label=${t("account.revoke_name", { name: key.name })}
        @click=${() => this.#revoke(key)}>${t("account.revoke")}</button>
    </li>`;
  }

  readonly #make = this.submit(async (fields) => {
    const body = { name: fields.text("key-name"), scopes: fields.all("scope") as Scope[] };
    this.secret = (await ask("post", "/v1/keys", { body })).key;
    return this.#load();
  });

  #revoke(key: Key): void {
    if (!confirm(t("account.revoke_sure", { name: key.name }))) return;
    void this.run(async () => {
      await ask("delete", "/v1/keys/{key_id}", { place: { key_id: key.id } });
      await this.#load();
      return t("account.revoked", { name: key.name });
    });
  }
}

define("api-keys", ApiKeys);
