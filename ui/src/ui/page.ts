// What the page tells its working parts, in two scripts of JSON:
//   <script type="application/json" id="page">{"root": "", "language": "en", "csrf_token": "",
//     "visitor": {"kind": "nobody", "email": null}}</script>
//   <script type="application/json" id="texts">{"uploader": {"drop": "Drop songs here"}}</script>

export interface Visitor {
  readonly kind: "nobody" | "guest" | "user";
  readonly email: string | null;
}

export interface Page {
  // "" or "/s/NAME": goes before every address of ours.
  readonly root: string;
  readonly language: string;
  readonly csrf_token: string;
  readonly visitor: Visitor;
}

export type Texts = { readonly [name: string]: string | Texts };

const NOBODY: Page = {
  root: "",
  language: "en",
  csrf_token: "",
  visitor: { kind: "nobody", email: null },
};

function json<T>(id: string, otherwise: T): T {
  const text = document.getElementById(id)?.textContent;
  return text ? { ...otherwise, ...(JSON.parse(text) as T) } : otherwise;
}

export const page: Page = json("page", NOBODY);
const texts: Texts = json<Texts>("texts", {});

export const address = (path: string): string => page.root + path;

// t("songs.left", {time: "2 min"}) is the text songs.left with {time} filled in. A text that is
// missing shows its name: seen at once by whoever forgot it, and better than a broken page.
export function t(name: string, values: Readonly<Record<string, string | number>> = {}): string {
  let found: string | Texts | undefined = texts;
  for (const part of name.split(".")) found = typeof found === "object" ? found[part] : undefined;
  if (typeof found !== "string") return name;
  return found.replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}
