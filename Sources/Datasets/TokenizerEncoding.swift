// The tokenizer of a model is what encodes its data.
import Tokenizers

extension Tokenizer: TextEncoding {}
