// How answers are generated: `generation_kwargs`.
import Base
import Generation

struct GenerationSettings: Sendable {
  var sampling = Sampling()
  var longest = 256
  var until: [String] = []
  /// As the harness logs it.
  var json: JSON = .null

  private static let lengths = ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"]

  /// - Parameters:
  ///   - usual: what ends an answer where the file does not say it.
  ///   - isUsed: whether anything is generated.
  init(_ keys: Section, until usual: String, isUsed: Bool) {
    guard let given = keys.raw("generation_kwargs") else {
      until = [usual]
      json = .object([
        "temperature": .number(0), "do_sample": .bool(false), "max_gen_toks": .integer(longest),
        "until": .array([.string(usual)]),
      ])
      return
    }
    let part = keys.section("generation_kwargs")
    let ends = part.raw("until")
    until = ends.map { $0.text.map { [$0] } ?? $0.elements?.compactMap(\.text) ?? [] } ?? [usual]
    if let ends, ends.text == nil, ends.elements?.allSatisfy({ $0.text != nil }) != true {
      part.fail("until", "is \(ends.kind), where a text or a list of texts is meant")
    }
    if let length = Self.lengths.first(where: part.has) {
      longest = part.integer(length, in: 1...1_000_000)
    }
    for key in Self.lengths { _ = part.raw(key) }
    let temperature = part.number("temperature", default: 0, in: 0...1000)
    let draws = part.has("do_sample") ? part.bool("do_sample", default: false) : temperature > 0
    // transformers draws with a temperature of 1 where none is given.
    sampling.temperature = draws ? (part.has("temperature") ? temperature : 1) : 0
    if part.has("top_k") {
      let count = part.integer("top_k", in: 0...Int.max)
      sampling.topK = count == 0 || !draws ? nil : count
    }
    let share = part.number("top_p", default: 1, in: 0...1)
    sampling.topP = draws && share > 0 ? share : 1
    if part.has("num_beams"), part.integer("num_beams", in: 1...256) > 1 {
      part.fail("num_beams", "is not built in for tasks", hint: "leave it out")
    }
    var members = given.members ?? []
    for place in members.indices where members[place].key.elementsEqual("temperature".utf8) {
      members[place].value = .number(temperature)
    }
    if ends == nil { members.append(JSON.Member(key: Array("until".utf8), value: .array([.string(usual)]))) }
    json = .object(members)
  }
}
