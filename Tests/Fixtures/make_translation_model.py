#!/usr/bin/env python3
"""Makes `translations`: config.json of a T5 of 10 M parameters, and a tokenizer of the words and digits of
`swiftdp make-tasks --kind translations`.

    python make_translation_model.py [OUTPUT]
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand first second third fourth fifth sixth
seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
twentieth thirtieth january february march april may june july august september october november december the of words
figures
""".split()
SPECIAL = ["<pad>", "</s>", "<unk>"]


def main():
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "translations"
    output.mkdir(exist_ok=True)
    digits = [str(digit) for digit in range(10)]
    # A number is its digits: the first begins a word, and the others go on with it.
    vocabulary = SPECIAL + WORDS + digits + ["##" + digit for digit in digits]
    made = Tokenizer(models.WordPiece({word: number for number, word in enumerate(vocabulary)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    made.add_special_tokens(SPECIAL)
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    made.save(str(output / "tokenizer.json"))
    config = {
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": len(vocabulary),
        "d_model": 288, "d_kv": 48, "d_ff": 896, "num_layers": 4, "num_decoder_layers": 4, "num_heads": 6,
        "dropout_rate": 0.0, "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True,
        "tie_word_embeddings": True, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
    }  # fmt: skip
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>",
                "unk_token": "<unk>"}  # fmt: skip
    (output / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
