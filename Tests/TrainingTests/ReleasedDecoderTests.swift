// The parameters of released models, from the sizes in their config.json files, are as many as was published.
import Base
import Models
import Testing

@Suite struct ReleasedDecoderTests {
  /// The sizes come from `make_released_decoders.py`.
  @Test func parametersAreAsManyAsPublished() throws {
    let fixture = try OpenFile.json(Fixtures.root + "/Tests/Fixtures/released_decoders.json")
    var types: Set<String> = []
    var compared = 0
    for row in try #require(fixture["models"]?.elements) {
      let name = try #require(row["name"]?.text)
      let model = try ModelDescription(config: try #require(row["config"]), file: name)
      let count = model.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
      #expect(count == row["parameters"]?.integer, "\(name)")
      #expect(model.head == .languageModel)
      types.insert(model.typeName)
      compared += 1
    }
    #expect(compared == 51 && types.count == 11, "\(compared) models of \(types.sorted())")
  }
}
