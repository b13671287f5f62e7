// The templates that ship with swiftdp: the forms of text that these families document.

enum ShippedTemplates {
  static let all: [(name: String, source: [UInt8])] = [
    ("alpaca", PackageResources.alpaca_jinja), ("chatml", PackageResources.chatml_jinja),
    ("gemma", PackageResources.gemma_jinja), ("llama2", PackageResources.llama2_jinja),
    ("llama3", PackageResources.llama3_jinja), ("mistral", PackageResources.mistral_jinja),
    ("phi", PackageResources.phi_jinja), ("qwen", PackageResources.qwen_jinja),
    ("vicuna", PackageResources.vicuna_jinja), ("zephyr", PackageResources.zephyr_jinja),
  ]

  static var names: String { all.map(\.name).joined(separator: ", ") }
}
