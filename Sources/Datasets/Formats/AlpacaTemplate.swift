// The two prompts of Stanford Alpaca, letter for letter, so that models that were tuned on them elsewhere can be
// tuned further.

enum AlpacaTemplate {
  /// The prompt for an instruction; `input` may be empty. The answer follows without a separator.
  static func prompt(instruction: [UInt8], input: [UInt8]) -> [UInt8] {
    if input.isEmpty {
      return Array(withoutInput.utf8) + instruction + Array(response.utf8)
    }
    return Array(withInput.utf8) + instruction + Array(inputHeading.utf8) + input + Array(response.utf8)
  }

  private static let withInput =
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    + "Write a response that appropriately completes the request.\n\n### Instruction:\n"
  private static let withoutInput =
    "Below is an instruction that describes a task. "
    + "Write a response that appropriately completes the request.\n\n### Instruction:\n"
  private static let inputHeading = "\n\n### Input:\n"
  private static let response = "\n\n### Response:"
}
