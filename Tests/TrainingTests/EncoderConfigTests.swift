// config.json of encoders and encoder-decoders: what swiftdp does not compute is refused by the name of its key.
import Base
import Models
import Testing

@Suite struct EncoderConfigTests {
  private static let cases = [
    (
      #"{"model_type": "roberta", "max_position_embeddings": 2}"#,
      "config.json: max_position_embeddings: is 2, which leaves no position behind that of the padding token, 1"
    ),
    (
      #"{"model_type": "distilbert", "dim": 12, "n_heads": 5}"#,
      "config.json: dim: is 12, which 5 heads do not share evenly"
    ),
    (
      #"{"model_type": "distilbert", "hidden_size": 12, "n_heads": 5}"#,
      "config.json: hidden_size: is 12, which 5 heads do not share evenly"
    ),
    (
      #"{"model_type": "bert", "hidden_act": "mish"}"#,
      #"config.json: hidden_act: "mish" is not supported (gelu, gelu_new and relu are)"#
    ),
    (
      #"{"model_type": "electra", "summary_type": "last"}"#,
      #"config.json: summary_type: is "last", which is not supported (first is)"#
    ),
    (
      #"{"model_type": "modernbert", "classifier_pooling": "max"}"#,
      #"config.json: classifier_pooling: is "max" (there are cls and mean)"#
    ),
    (
      #"{"model_type": "modernbert", "num_hidden_layers": 2, "layer_types": ["full_attention"]}"#,
      "config.json: layer_types: does not say full_attention or sliding_attention for each of 2 layers"
    ),
    (
      #"{"model_type": "modernbert", "rope_parameters": {"full_attention": {"rope_type": "yarn"}}}"#,
      #"config.json: rope_parameters.full_attention.rope_type: "yarn" is not supported (default is)"#
    ),
    (
      #"{"model_type": "deberta-v2", "relative_attention": true, "pos_att_type": "c2p", "conv_kernel_size": 3}"#,
      "config.json: conv_kernel_size: is not 0, which is not supported"
    ),
    (
      #"{"model_type": "deberta-v2", "relative_attention": true, "pos_att_type": ["c2p", "p2p"]}"#,
      #"config.json: pos_att_type: has "p2p", which is not supported (c2p and p2c are)"#
    ),
    (
      #"{"model_type": "t5", "feed_forward_proj": "gated-tanh"}"#,
      #"config.json: feed_forward_proj: "gated-tanh" is not supported (relu and gated-gelu are)"#
    ),
    (
      #"{"model_type": "bart", "encoder_layerdrop": 0.1}"#,
      "config.json: encoder_layerdrop: is not 0, which is not supported (set it to 0 in config.json)"
    ),
  ]

  @Test func messagesNameTheKey() throws {
    for (config, message) in Self.cases {
      let error = #expect(throws: (any Error).self) {
        try ModelDescription(config: JSON.parse(config), file: "config.json")
      }
      #expect(error.map { "\($0)" } == message)
    }
    #expect(Self.cases.count == 12)
  }

  /// The defaults of each class of transformers.
  @Test func everyFamilyHasDefaults() throws {
    var read = 0
    for type in [
      "bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "t5", "mt5", "bart",
    ] {
      let model = try ModelDescription(
        config: JSON.parse("{\"model_type\": \"\(type)\"}"), file: "config.json")
      #expect(model.parameters.count > 20)
      #expect((model.answerStart != nil) == ["t5", "mt5", "bart"].contains(type))
      read += 1
    }
    #expect(read == 9)
  }
}
