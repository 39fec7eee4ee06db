// One song on its way in.
import { html, nothing, type TemplateResult } from "lit";
import { visitor } from "../../api/visitor";
import { clock, percent, size } from "../../ui/format";
import { pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import type { Desk } from "./desk";
import type { Item } from "./items";
import { amount } from "./start-view";

function facts(item: Item): string {
  const parts = [
    item.duration_s === null ? "" : clock(item.duration_s),
    item.size_bytes === null ? "" : size(item.size_bytes),
  ];
  return parts.filter((part) => part !== "").join(" · ");
}

function bar(item: Item, sent_bytes: number): TemplateResult {
  const fraction = item.size_bytes ? sent_bytes / item.size_bytes : 0;
  return html`<progress max="1" .value=${fraction}
    aria-label=${t("uploader.sending_name", { name: item.name })}></progress>
    <span class="hint">${percent(fraction)}</span>`;
}

// Where more songs are to be had, when there are too few.
function wayOut(code: string): TemplateResult | typeof nothing {
  if (code !== "payment_required" && code !== "quota_exceeded") return nothing;
  return visitor.value === "guest"
    ? html`<a href=${pageAddress("/sign-up")}>${t("forms.sign_up")}</a>`
    : html`<a href=${pageAddress("/prices")}>${t("uploader.see_prices")}</a>`;
}

function standing(item: Item): TemplateResult | string {
  const { state } = item;
  switch (state.at) {
    case "refused":
      return html`<span class="bad">${state.why}</span>`;
    case "failed":
      return html`<span class="bad">${state.why}</span>
        ${wayOut(state.code)}`;
    case "broken":
      return html`${bar(item, state.sent_bytes)} <span class="hint">${t("uploader.at_broken")}</span>`;
    case "sending":
      return html`${bar(item, state.sent_bytes)}
        ${state.broken ? html`<span class="hint" role="status">${t("uploader.broken")}</span>` : nothing}`;
    case "priced":
      return state.quote.finished
        ? t("uploader.done_before")
        : t("uploader.costs", { price: amount(state.quote.price.amount, state.quote.price.unit) });
    default:
      return t(`uploader.at_${state.at}`);
  }
}

export function itemView(item: Item, desk: Desk): TemplateResult {
  return html`
    <li class="item" data-state=${item.state.at}>
      <div class="item-words">
        <strong class="item-name" dir="auto">${item.name}</strong>
        <span class="hint">${facts(item)}</span>
      </div>
      <div class="item-state">${standing(item)}</div>
      <div class="item-actions">
        ${item.state.at === "failed" ? html`<button type="button" class="quiet small" @click=${() => desk.retry(item.key)}>${t("uploader.again")}</button>` : nothing}
        ${item.state.at === "starting" ? nothing : html`<button type="button" class="quiet small" aria-label=${t("uploader.remove_name", { name: item.name })} @click=${() => desk.remove(item.key)}>${t("uploader.remove")}</button>`}
      </div>
    </li>`;
}
