// Servers that are told when a song has ended, and the log of what they were told.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { FormElement, field } from "../../ui/form";
import { fromNow } from "../../ui/format";
import { t } from "../../ui/texts";
import { deliveriesView } from "./deliveries";
import { secretView } from "./secret";

type Endpoint = Schema<"EndpointAnswer">;
type Delivery = Schema<"DeliveryAnswer">;

export class WebHooks extends FormElement {
  static override properties = {
    ...FormElement.properties,
    endpoints: { state: true },
    secret: { state: true },
    log: { state: true },
  };
  declare endpoints: readonly Endpoint[];
  declare secret: string;
  declare log: { readonly of: string; readonly deliveries: readonly Delivery[] } | null;

  constructor() {
    super();
    this.endpoints = [];
    this.secret = "";
    this.log = null;
  }

  protected override start(): void {
    void this.run(async () => this.#load());
  }

  async #load(): Promise<null> {
    const query = { limit: 100 };
    const found = await ask("get", "/v1/webhooks", { query, signal: this.owner.signal });
    this.endpoints = found.data;
    return null;
  }

  protected override render(): TemplateResult {
    return html`
      <h2>${t("account.webhooks")}</h2>
      <p class="hint">${t("account.webhooks_lead")}</p>
      ${this.saying()}
      ${this.secret === "" ? nothing : secretView(this.secret, t("account.secret_once"))}
      ${this.endpoints.length === 0 ? nothing : html`<ul class="rows">${this.endpoints.map((one) => this.#row(one))}</ul>`}
      <details>
        <summary>${t("account.new_webhook")}</summary>
        <form class="form" @submit=${this.#make}>
          ${field("hook-url", t("account.webhook_url"), { type: "url" })}
          <button type="submit" ?disabled=${this.busy}>${t("account.make_webhook")}</button>
        </form>
      </details>`;
  }

  #row(one: Endpoint): TemplateResult {
    const button = (
      word: string,
      does: () => void,
    ) => html`<button type="button" class="quiet small"
      aria-label=${t("account.webhook_action", { action: t(`account.${word}`), url: one.url })} @click=${does}>${t(`account.${word}`)}</button>`;
    const paused = one.paused !== null;
    const told =
      one.last_success_at === null
        ? t("account.never_told")
        : t("account.told", { when: fromNow(one.last_success_at) });
    return html`<li class="row tall">
      <div><strong class="break">${one.url}</strong>
        <p class="hint">${paused ? t(`account.paused_${one.paused?.because ?? "by_hand"}`) : told}</p></div>
      <div class="actions">
        ${button("test", () => void this.run(() => this.#test(one)))}
        ${button(paused ? "resume" : "pause", () => void this.run(() => this.#pause(one, !paused)))}
        ${button("show_log", () => void this.run(() => this.#showLog(one)))}
        ${button("delete_webhook", () => this.#delete(one))}
      </div>
      ${this.log?.of === one.id ? deliveriesView(this.log.deliveries, (delivery) => void this.run(() => this.#again(one, delivery))) : nothing}
    </li>`;
  }

  readonly #make = this.submit(async (fields) => {
    const made = await ask("post", "/v1/webhooks", { body: { url: fields.text("hook-url") } });
    this.secret = made.secret;
    return this.#load();
  });

  async #test(one: Endpoint): Promise<string> {
    const place = { endpoint_id: one.id };
    await ask("post", "/v1/webhooks/{endpoint_id}/test", { place });
    return t("account.test_sent");
  }

  async #pause(one: Endpoint, paused: boolean): Promise<null> {
    const place = { endpoint_id: one.id };
    await ask("patch", "/v1/webhooks/{endpoint_id}", { place, body: { paused } });
    return this.#load();
  }

  async #showLog(one: Endpoint): Promise<null> {
    const place = { endpoint_id: one.id };
    const found = await ask("get", "/v1/webhooks/{endpoint_id}/deliveries", { place });
    this.log = { of: one.id, deliveries: found.data };
    return null;
  }

  async #again(one: Endpoint, delivery: Delivery): Promise<string> {
    const place = { endpoint_id: one.id, delivery_id: delivery.id };
    const path = "/v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/redeliver";
    await ask("post", path, { place });
    await this.#showLog(one);
    return t("account.sent_again");
  }

  #delete(one: Endpoint): void {
    if (!confirm(t("account.delete_webhook_sure", { url: one.url }))) return;
    void this.run(async () => {
      await ask("delete", "/v1/webhooks/{endpoint_id}", { place: { endpoint_id: one.id } });
      return this.#load();
    });
  }
}

define("web-hooks", WebHooks);
