// The data of a recipe, read as train reads it: what check, show and stats look at.
import Base
import Datasets
import Inspection
import Models
import Recipes
import Tokenizers
import Training

struct RecipeData {
  let recipe: Recipe
  let model: ModelDescription
  let tokenizer: Tokenizer
  /// What a run would read, or the mistakes for which it would end.
  let data: Result<RunData, UserErrors>

  /// - Parameter arguments: a recipe and settings, as for train.
  /// - Throws: mistakes of the recipe and the model, for which nothing can be looked at.
  init(_ arguments: [String]) throws {
    var recipe = try readRecipe(arguments).0
    guard recipe.data.retrieval == nil else {
      throw UserError(
        .usage, "puts passages before the questions when a run starts", at: "data.retrieval",
        hint: "leave it out here (data.retrieval=null), or give a file of OUTPUT/retrieved as data.train")
    }
    if recipe.data.readsStandardInput { try StandardInput.read() }
    var mistakes: [UserError] = []
    do { recipe = try recipe.settled() } catch let errors as UserErrors where errors.code == .data {
      // Rows that cannot be read tell no labels.
      mistakes = errors.errors
    } catch let error as UserError where error.code == .data {
      mistakes = [error]
    }
    // Without labels, a head has no size.
    let model = try mistakes.isEmpty ? recipe.describeModel() : ModelDescription(folder: recipe.model)
    tokenizer = try Tokenizer(folder: recipe.model)
    self.recipe = recipe
    self.model = model
    guard mistakes.isEmpty else {
      data = .failure(UserErrors(mistakes))
      return
    }
    do { data = .success(try RunData(recipe, model: model)) } catch let errors as UserErrors
      where errors.code == .data
    {
      data = .failure(errors)
    } catch let error as UserError where error.code == .data {
      data = .failure(UserErrors([error]))
    }
  }

  var facts: InspectionFacts {
    let dataset = try? data.get().dataset
    return InspectionFacts(
      recipe, model, dataset?.options ?? recipe.dataOptions, labels: dataset?.labels, tokenizer: tokenizer)
  }
}
