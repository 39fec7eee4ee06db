// Credits in words: how many, and why they came or went.
import type { Schema } from "../../api/types";
import { clock, count } from "../../ui/format";
import { t } from "../../ui/texts";

type Unit = Schema<"BalanceAnswer">["unit"];
type Entry = Schema<"EntryAnswer">;

export function change(value: number, unit: Unit): string {
  const size = unit === "song" ? count(Math.abs(value)) : clock(Math.abs(value));
  return value < 0 ? `\u2212${size}` : `+${size}`;
}

// Names of packs and plans in the page's language, as the server wrote them into the page.
export function titled(item: string): string {
  const titles = document.querySelector<HTMLElement>("account-page")?.dataset["titles"] ?? "{}";
  return (JSON.parse(titles) as Readonly<Record<string, string>>)[item] ?? item;
}

const BEGINNINGS = [
  ["bought: ", "bought"],
  ["paid back: ", "paid_back"],
  ["paid after all: ", "paid_after_all"],
] as const;

// The books are written in English; what we know of it is said in the page's language.
export function reason({ kind, note, charged }: Pick<Entry, "kind" | "note" | "charged">): string {
  for (const [beginning, name] of BEGINNINGS) {
    if (note.startsWith(beginning))
      return t(`money.why_${name}`, { item: titled(note.slice(beginning.length)) });
  }
  if (kind === "grant") return note.startsWith("credits of ") ? t("money.why_month") : note;
  return t(`money.why_${kind === "settle" && charged === 0 ? "refund" : kind}`);
}
