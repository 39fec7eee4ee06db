// The song's name over its page, without the ending that files have.
const ENDING = /(?<=.)\.(?:[a-z]{2,4}|mp[34]|m4[ab])$/i;

let title: string | null = null;

export function called(name: string): void {
  title ??= document.title;
  const shown = name.replace(ENDING, "");
  const heading = document.querySelector("h1");
  if (heading) {
    heading.textContent = shown;
    // Right to left where its words are written so.
    heading.dir = "auto";
  }
  document.title = `${shown} – ${title}`;
}
