// The player: <stem-player src=…>.
export {};
