// What ends a generated text: generation_config.json, or config.json if there is no such file.
import Base
import Checkpoints
import Foundation
import Generation
import Kernels
import Models
import Testing
import Training

@Suite struct EndOfGenerationTests {
  /// What transformers 5.24.0 generates from the prompt without an end: `generate(do_sample=False)`.
  private static let prompt: [Int32] = [1, 5, 7]
  private static let whole: [Int32] = [
    18, 18, 18, 36, 60, 60, 60, 60, 60, 60, 54, 17, 16, 54, 54, 36, 37, 37, 37, 37, 37, 37, 37, 37,
  ]

  private let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/swiftdp-ends-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let model = Fixtures.root + "/Tests/Fixtures/parity/llama-tiny/"
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: model + name, toPath: folder + "/" + name)
    }
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
  }

  private func generated() throws -> [Int32] {
    let description = try ModelDescription(folder: folder)
    let replica = Replica(description, engine: try Engine(threads: 1))
    try replica.fill(from: try FolderWeights(folder: folder, description, layout: replica.layout))
    var ids: [Int32] = []
    try replica.generator.run(
      [Generator.Prompt(Self.prompt, sample: 0)], maximum: Self.whole.count, sampling: Sampling()
    ) {
      ids.append($1)
      return true
    }
    return ids
  }

  @Test func theFileDecidesAsInTransformers() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let config = try String(contentsOfFile: folder + "/config.json", encoding: .utf8)
    try write("config.json", config.replacing("\"eos_token_id\": 2", with: "\"eos_token_id\": 60"))
    // Without a file, config.json decides.
    #expect(try generated() == Array(Self.whole.prefix(4)))
    let cases: [(String, Int)] = [
      (#"{"eos_token_id": 54}"#, 10), (#"{"eos_token_id": [16, 17]}"#, 11), (#"{"eos_token_id": [36]}"#, 3),
      (#"{"eos_token_id": [9999, -1, 16]}"#, 12), (#"{"eos_token_id": 37, "_from_model_config": true}"#, 16),
      (#"{}"#, 24), (#"{"eos_token_id": null}"#, 24), (#"{"eos_token_id": 9999}"#, 24),
    ]
    for (text, count) in cases {
      try write("generation_config.json", text)
      #expect(try generated() == Array(Self.whole.prefix(count)), "\(text)")
    }
    #expect(cases.count == 8)
    // Training texts still end with the token of config.json.
    try write("generation_config.json", #"{"eos_token_id": [54, 3]}"#)
    let description = try ModelDescription(folder: folder)
    #expect(description.endOfText == [60] && description.endOfGeneration == [54, 3])
  }

  @Test func mistakesInTheFileAreToldWithThoseOfTheOther() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = "\(folder)/generation_config.json"
    for (text, message) in [
      (#"{"eos_token_id": "2"}"#, "eos_token_id: is \"2\", where a whole number or a list of them is meant"),
      (
        #"{"eos_token_id": [2, null]}"#,
        "eos_token_id: is [2, null], where a whole number or a list of them is meant"
      ),
      ("[]", "is a list, where keys with values are meant"),
      ("{", "is not JSON: the text ends too early at byte 1"),
    ] {
      try write("generation_config.json", text)
      let error = #expect(throws: UserError.self) { try ModelDescription(folder: folder) }
      #expect(error.map { "\($0)" } == "\(file): \(message)")
    }
    try write("config.json", #"{"model_type": "llama", "vocab_size": "9"}"#)
    let errors = #expect(throws: UserErrors.self) { try ModelDescription(folder: folder) }
    #expect(errors?.errors.map(\.place) == [file, "\(folder)/config.json: vocab_size"])
  }
}
