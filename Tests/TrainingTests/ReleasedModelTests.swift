// The settings of released encoders and encoder-decoders, and how many parameters each has.
import Base
import Models
import Testing

@Suite struct ReleasedModelTests {
  /// A model's name, what its config.json says, and its published number of parameters: without the pooler where the
  /// model has no head.
  private static let models: [(name: String, config: String, count: Int)] = [
    (
      "bert-base-uncased",
      """
      {"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
      """, 109_514_298
    ),
    (
      "bert-large-uncased",
      """
      {"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
      """, 335_174_458
    ),
    (
      "roberta-base",
      """
      {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "max_position_embeddings": 514, "type_vocab_size": 1}
      """, 124_697_433
    ),
    (
      "roberta-large",
      """
      {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
      "max_position_embeddings": 514, "type_vocab_size": 1}
      """, 355_412_057
    ),
    (
      "xlm-roberta-base",
      """
      {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"], "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "vocab_size": 250002, "max_position_embeddings": 514, "type_vocab_size": 1}
      """, 278_295_186
    ),
    (
      "xlm-roberta-large",
      """
      {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"], "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
      "vocab_size": 250002, "max_position_embeddings": 514, "type_vocab_size": 1}
      """, 560_142_482
    ),
    (
      "distilbert-base-uncased",
      """
      {"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"]}
      """, 66_985_530
    ),
    (
      "electra-small",
      """
      {"model_type": "electra", "architectures": ["ElectraModel"]}
      """, 13_483_008
    ),
    (
      "electra-base",
      """
      {"model_type": "electra", "architectures": ["ElectraModel"], "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "embedding_size": 768}
      """, 108_891_648
    ),
    (
      "electra-large",
      """
      {"model_type": "electra", "architectures": ["ElectraModel"], "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
      "embedding_size": 1024}
      """, 334_092_288
    ),
    (
      "ModernBERT-base",
      """
      {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"]}
      """, 149_655_232
    ),
    (
      "ModernBERT-large",
      """
      {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"], "hidden_size": 1024,
      "intermediate_size": 2624, "num_hidden_layers": 28, "num_attention_heads": 16}
      """, 395_881_664
    ),
    (
      "deberta-v3-xsmall",
      """
      {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"], "relative_attention": true,
      "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
      "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-07, "max_relative_positions": -1,
      "position_biased_input": false, "type_vocab_size": 0, "hidden_size": 384,
      "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
      """, 70_682_112
    ),
    (
      "deberta-v3-small",
      """
      {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"], "relative_attention": true,
      "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
      "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-07, "max_relative_positions": -1,
      "position_biased_input": false, "type_vocab_size": 0, "hidden_size": 768,
      "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 3072}
      """, 141_304_320
    ),
    (
      "deberta-v3-base",
      """
      {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"], "relative_attention": true,
      "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
      "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-07, "max_relative_positions": -1,
      "position_biased_input": false, "type_vocab_size": 0, "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
      """, 183_831_552
    ),
    (
      "deberta-v3-large",
      """
      {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"], "relative_attention": true,
      "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
      "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-07, "max_relative_positions": -1,
      "position_biased_input": false, "type_vocab_size": 0, "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
      """, 434_012_160
    ),
    (
      "mdeberta-v3-base",
      """
      {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"], "relative_attention": true,
      "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
      "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-07, "max_relative_positions": -1,
      "position_biased_input": false, "type_vocab_size": 0, "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "vocab_size": 251000}
      """, 278_218_752
    ),
    (
      "t5-small",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 512,
      "d_ff": 2048, "num_layers": 6, "num_decoder_layers": 6, "num_heads": 8, "d_kv": 64}
      """, 60_506_624
    ),
    (
      "t5-base",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 768,
      "d_ff": 3072, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12, "d_kv": 64}
      """, 222_903_552
    ),
    (
      "t5-large",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 1024,
      "d_ff": 4096, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 16, "d_kv": 64}
      """, 737_668_096
    ),
    (
      "t5-3b",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 1024,
      "d_ff": 16384, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 32, "d_kv": 128}
      """, 2_851_598_336
    ),
    (
      "t5-11b",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 1024,
      "d_ff": 65536, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 128, "d_kv": 128}
      """, 11_307_321_344
    ),
    (
      "flan-t5-small",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 512,
      "d_ff": 1024, "num_layers": 8, "num_decoder_layers": 8, "num_heads": 6, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 76_961_152
    ),
    (
      "flan-t5-base",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 768,
      "d_ff": 2048, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 247_577_856
    ),
    (
      "flan-t5-large",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 1024,
      "d_ff": 2816, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 16, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 783_150_080
    ),
    (
      "flan-t5-xl",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 2048,
      "d_ff": 5120, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 32, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 2_849_757_184
    ),
    (
      "flan-t5-xxl",
      """
      {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 4096,
      "d_ff": 10240, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 64, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 11_135_332_352
    ),
    (
      "mt5-small",
      """
      {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 512,
      "d_ff": 1024, "num_layers": 8, "num_decoder_layers": 8, "num_heads": 6, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 300_176_768
    ),
    (
      "mt5-base",
      """
      {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 768,
      "d_ff": 2048, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 582_401_280
    ),
    (
      "mt5-large",
      """
      {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 1024,
      "d_ff": 2816, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 16, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 1_229_581_312
    ),
    (
      "mt5-xl",
      """
      {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 2048,
      "d_ff": 5120, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 32, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 3_742_619_648
    ),
    (
      "mt5-xxl",
      """
      {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 4096,
      "d_ff": 10240, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 64, "d_kv": 64,
      "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}
      """, 12_921_057_280
    ),
    (
      "bart-base",
      """
      {"model_type": "bart", "architectures": ["BartForConditionalGeneration"], "d_model": 768,
      "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 12,
      "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072}
      """, 139_420_416
    ),
    (
      "bart-large",
      """
      {"model_type": "bart", "architectures": ["BartForConditionalGeneration"]}
      """, 406_291_456
    ),
  ]

  @Test func parametersAreAsManyAsPublished() throws {
    for (name, config, count) in Self.models {
      let model = try ModelDescription(config: JSON.parse(config), file: name)
      #expect(model.parameters.reduce(0) { $0 + $1.count } == count, "\(name)")
    }
    #expect(Self.models.count == 34)
  }
}
