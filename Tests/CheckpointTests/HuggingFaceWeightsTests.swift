import Base
import Checkpoints
import Foundation
import Testing

@Suite struct HuggingFaceWeightsTests {
  private let scratch: ScratchFolder
  init() throws { scratch = try ScratchFolder() }

  private func json(_ path: String) throws -> JSON { try OpenFile.json(path) }

  /// Compares a folder's parameters with the sums that Python computed.
  private func compare(_ weights: HuggingFaceWeights, with expected: String) throws -> Int {
    var cases = 0
    for member in try #require(try json(expected)["stored_checksums"]?.members) {
      let name = String(decoding: member.key, as: UTF8.self)
      let sum = checksum(try floats(weights, name))
      let value = try #require(member.value.double)
      #expect(abs(sum - value) <= 1e-12 * max(1, abs(value)) * 1000, "\(name)")
      cases += 1
    }
    return cases
  }

  @Test(arguments: [
    ("gpt2-tiny", 28, 28, StoredType.f32), ("gpt2-odd", 28, 28, .f32), ("gpt2-hub-f16", 30, 28, .f16),
    ("llama-tiny", 20, 20, .f32), ("llama-untied", 21, 21, .f32), ("llama3-scaling", 20, 20, .f32),
    ("llama-bias", 34, 34, .f32), ("llama-bf16", 20, 20, .bf16),
  ])
  func fixturesReadAsInPython(name: String, tensors: Int, parameters: Int, type: StoredType) throws {
    let folder = Fixtures.parity(name)
    let weights = try HuggingFaceWeights(folder: folder)
    #expect(weights.names.count == tensors)
    #expect(Set(weights.names.map { weights.type(of: $0) }) == [type])
    #expect(try compare(weights, with: "\(folder)/expected.json") == parameters)
  }

  @Test func expectationsAreRead() throws {
    let expected = try SafetensorsFile(Fixtures.parity("llama-bias") + "/expected.safetensors")
    let tokens = try expected.integers("tokens")
    let targets = try expected.integers("targets")
    #expect(expected.entry("logits")?.shape == [2, 21, 96])
    #expect(tokens.count == 42 && tokens.allSatisfy { 0..<96 ~= $0 })
    let count = try json(Fixtures.parity("llama-bias") + "/expected.json")["target_count"]?.integer
    #expect(targets.filter { $0 >= 0 }.count == count)
  }

  @Test func shardsAreOneModel() throws {
    let weights = try HuggingFaceWeights(folder: Fixtures.parity("llama-bias"))
    #expect(weights.contains("model.norm.weight") && !weights.contains("model.norm.bias"))
    #expect(weights.shape(of: "model.layers.1.mlp.down_proj.weight") == [32, 48])
    #expect(weights.shape(of: "nothing") == nil)
    #expect(throws: UserError(.data, "holds no tensor \"nothing\"", at: weights.folder)) {
      try floats(weights, "nothing")
    }
  }

  @Test(.enabled(if: Fixtures.hasShared("stories260K-hf"), "needs shared/data/stories260K-hf"))
  func stories260K() throws {
    let weights = try HuggingFaceWeights(folder: Fixtures.shared("stories260K-hf"))
    #expect(weights.names.count == 47)
    #expect(try compare(weights, with: Fixtures.parity("stories260K") + "/expected.json") == 47)
  }

  /// The sums are from safetensors 0.8.0 and torch 2.15.0, computed as `make_parity_fixtures.py` does.
  @Test(.enabled(if: Fixtures.hasShared("all-MiniLM-L6-v2"), "needs shared/data/all-MiniLM-L6-v2"))
  func miniLM() throws {
    let file = try SafetensorsFile(Fixtures.shared("all-MiniLM-L6-v2") + "/model.safetensors")
    #expect(file.names.count == 104)
    #expect(try file.integers("embeddings.position_ids") == Array(0..<512))
    #expect(throws: UserError.self) { try floats(file, "embeddings.position_ids") }
    for (name, sum) in [
      ("embeddings.LayerNorm.weight", 11512.838637709618),
      ("encoder.layer.5.output.dense.weight", -2314.259239842972),
      ("embeddings.token_type_embeddings.weight", 48.206019620072766),
    ] {
      #expect(abs(checksum(try floats(file, name)) - sum) < 1e-8, "\(name)")
    }
  }

  private func tensor(_ name: String) -> [UInt8] {
    safetensors("{\"\(name)\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}}", data: [1])
  }

  private func index(_ text: String) throws { try scratch.file("model.safetensors.index.json", text.utf8) }

  private func messages() -> [String] {
    do {
      _ = try HuggingFaceWeights(folder: scratch.path)
      return []
    } catch let errors as UserErrors {
      return errors.errors.map { $0.description.replacing(scratch.path, with: "DIR") }
    } catch {
      return ["\(error)".replacing(scratch.path, with: "DIR")]
    }
  }

  @Test func everyMissingPartIsToldAtOnce() throws {
    try scratch.file("a.safetensors", tensor("x"))
    try scratch.file("broken.safetensors", [1])
    try index(
      #"""
      {"weight_map": {"x": "a.safetensors", "y": "a.safetensors", "z": "broken.safetensors",
        "p": "gone.safetensors", "q": "gone.safetensors"}}
      """#)
    #expect(
      messages() == [
        "DIR/a.safetensors: lacks the tensor \"y\", which model.safetensors.index.json says it holds",
        "DIR/broken.safetensors: is cut short: a safetensors file begins with 8 bytes of length, this has 1",
        "DIR/gone.safetensors: is missing, and with it 2 of the tensors in model.safetensors.index.json "
          + "(download or copy it too)",
      ])
  }

  @Test func namesCannotLeaveTheFolder() throws {
    let files = ["../a", "/etc/passwd", "a/b", "..", ".", "", #"a\\b"#, #"a\u0000b"#]
    let map = files.enumerated().map { "\"t\($0)\": \"\($1)\"" }.joined(separator: ", ")
    try index("{\"weight_map\": {\(map), \"n\": 3}}")
    let told = messages()
    #expect(told.count == 9)
    #expect(
      told[0]
        == "DIR/model.safetensors.index.json: the file of \"t0\" is \"../a\", which is not a plain file name")
    #expect(
      told.last == "DIR/model.safetensors.index.json: the file of \"n\" is a whole number, not a string")
  }

  @Test func aThousandErrorsAreTwentyOne() throws {
    let map = (0..<1000).map { "\"t\($0)\": \"gone-\($0)\"" }.joined(separator: ", ")
    try index("{\"weight_map\": {\(map)}}")
    let told = messages()
    #expect(told.count == 21)
    #expect(told.last == "DIR/model.safetensors.index.json: 980 more errors like these")
  }

  @Test func foldersWithoutWeights() throws {
    #expect(messages() == ["DIR: holds neither model.safetensors nor model.safetensors.index.json"])
    try scratch.file("pytorch_model.bin", [])
    #expect(
      messages() == [
        "DIR: holds neither model.safetensors nor model.safetensors.index.json "
          + "(load its pytorch_model.bin in transformers; save_pretrained writes safetensors)"
      ])
    for text in ["{}", "[]", #"{"weight_map": {}}"#, #"{"weight_map": 3}"#] {
      try index(text)
      #expect(
        messages() == ["DIR/model.safetensors.index.json: has no weight_map that says which file holds what"])
    }
    try index("{")
    #expect(
      messages() == ["DIR/model.safetensors.index.json: is not JSON: the text ends too early at byte 1"])
  }

  @Test func tensorsTheIndexDoesNotListStayUnseen() throws {
    try scratch.file("a.safetensors", tensor("x"))
    try scratch.file("b.safetensors", tensor("y"))
    try index(#"{"weight_map": {"y": "b.safetensors"}}"#)
    #expect(try HuggingFaceWeights(folder: scratch.path).names == ["y"])
  }
}
