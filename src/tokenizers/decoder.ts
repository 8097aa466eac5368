/** Hugging Face's `clean_up_tokenization`: English contractions and punctuation lose the space in front. */
export function cleanUpTokenization(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** Hugging Face's WordPiece decoder: pieces that continue a word lose their prefix, others get a space in front, each cleaned by itself. */
export function joinWordPieces(tokens: Iterable<string>, prefix: string): string {
  let text = '';
  let first = true;
  for (const token of tokens) {
    const piece = first ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    // " do not" is the one replacement that Rust's cleaning has and Python's has not.
    text += cleanUpTokenization(piece).replaceAll(' do not', " don't");
    first = false;
  }
  return text;
}
