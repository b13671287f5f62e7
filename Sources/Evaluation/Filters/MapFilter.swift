// map: another value for each answer that is known.
import Base

struct MapFilter: ResponseFilter {
  static let name = "map"
  private let values: [JSON.Member]
  private let fallback: JSON

  init(_ keys: Section) {
    values = keys.raw("mapping_dict")?.members ?? []
    if let given = keys.raw("mapping_dict"), given.members == nil {
      keys.fail("mapping_dict", "is \(given.kind), where keys with values are meant")
    }
    fallback = keys.raw("default_value") ?? .null
  }

  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    .array(responses.map { response in values.last { $0.key == response.bytes }?.value ?? fallback })
  }
}
