// The words of the page, which come with it.
import { page } from "./page";

type Texts = { readonly [name: string]: string | Texts };
type Values = Readonly<Record<string, string | number>>;

function words(): Texts {
  const text = document.getElementById("texts")?.textContent;
  return text ? (JSON.parse(text) as Texts) : {};
}

const texts = words();
const numbers = new Intl.NumberFormat(page.language);
const plurals = new Intl.PluralRules(page.language);

function find(name: string, values: Values): string | undefined {
  let found: string | Texts | undefined = texts;
  for (const part of name.split(".")) found = typeof found === "object" ? found[part] : undefined;
  if (typeof found === "object" && typeof values["count"] === "number") {
    found = found[plurals.select(values["count"])] ?? found["other"];
  }
  return typeof found === "string" ? found : undefined;
}

const written = (value: string | number): string =>
  typeof value === "number" ? numbers.format(value) : value;

// t("songs.left", {time: "2 min"}) is the text songs.left with {time} filled in; {count} chooses
// between one and other. A text that is missing shows its name: seen at once by whoever forgot it.
export function t(name: string, values: Values = {}): string {
  const text = find(name, values) ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => written(values[key] ?? whole));
}

export const has = (name: string): boolean => find(name, {}) !== undefined;
