// Makes the tokenizer of a model the encoder of its data.
import Tokenizers

extension Tokenizer: TextEncoding {}
