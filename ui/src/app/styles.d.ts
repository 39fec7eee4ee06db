// Styles that an entry point brings along; Vite makes files of them.
declare module "*.css";
