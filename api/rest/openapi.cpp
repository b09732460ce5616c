#include "api/rest/openapi.hpp"

#include <boost/json.hpp>

#include "api/rest/routes.hpp"

namespace perilune::api {
namespace {

namespace json = boost::json;

json::object parameter(std::string_view name, const char* in) {
  const bool slug = name == "tenant" || name == "app";
  json::object schema{{"type", name == "limit"                         ? "integer"
                               : name == "dry_run" || name == "deploy" ? "boolean"
                                                                       : "string"}};
  if (slug) schema["pattern"] = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$";
  if (name == "limit") {
    schema["minimum"] = 1;
    schema["maximum"] = 1000;
  }
  const bool path = std::string_view{in} == "path";
  return {{"name", name}, {"in", in}, {"required", path}, {"schema", std::move(schema)}};
}

json::object header_parameter(const char* name) {
  return {{"name", name},
          {"in", "header"},
          {"required", false},
          {"schema", json::object{{"type", "string"}}}};
}

json::object problem_response() {
  return {{"description", "A problem (RFC 9457)"},
          {"content",
           json::object{{"application/problem+json",
                         json::object{{"schema",
                                       json::object{{"$ref", "#/components/schemas/Problem"}}}}}}}};
}

json::object operation(const Route& route) {
  json::array parameters;
  for (const auto name : parameters_of(route)) parameters.push_back(parameter(name, "path"));
  for (const auto name : words(route.query)) parameters.push_back(parameter(name, "query"));
  if (route.method == "POST") parameters.push_back(header_parameter("Idempotency-Key"));
  if (route.method == "PUT" || route.method == "PATCH" || route.method == "DELETE")
    parameters.push_back(header_parameter("If-Match"));
  json::object responses;
  for (const auto status : words(route.success))
    responses[status] = json::object{{"description", route.summary}};
  responses["default"] = problem_response();
  json::object result{{"summary", route.summary},
                      {"parameters", std::move(parameters)},
                      {"responses", std::move(responses)}};
  if (!route.scope.empty()) result["x-scope"] = route.scope;
  if (route.open) result["security"] = json::array{};
  if (!route.accepts.empty()) {
    json::object content;
    for (const auto type : words(route.accepts)) content[type] = json::object{};
    result["requestBody"] =
        json::object{{"description", route.body}, {"content", std::move(content)}};
  }
  return result;
}

std::string lower(std::string_view method) {
  std::string text{method};
  for (char& c : text) c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string public_path(const Route& route) {
  std::string path{route.path};
  const std::size_t dots = path.find("...}");
  if (dots != std::string::npos) path.erase(dots, 3);
  return path;
}

json::object problem_schema() {
  json::array codes;
  for (const ProblemSpec& row : problem_specs()) codes.push_back(json::value(row.code));
  const json::object text{{"type", "string"}};
  const json::object list{{"type", "array"}, {"items", json::object{{"type", "object"}}}};
  return {{"type", "object"},
          {"required", {"type", "title", "status", "code", "request_id"}},
          {"properties", json::object{{"type", text},
                                      {"title", text},
                                      {"status", json::object{{"type", "integer"}}},
                                      {"detail", text},
                                      {"instance", text},
                                      {"code", json::object{{"type", "string"}, {"enum", codes}}},
                                      {"help", text},
                                      {"request_id", text},
                                      {"required_scope", text},
                                      {"limit", json::object{{"type", "object"}}},
                                      {"diagnostics", list},
                                      {"errors", list}}}};
}

}  // namespace

std::string openapi_document(const ApiConfig& config) {
  json::object paths;
  for (const Route* route : all_routes()) {
    json::value& path = paths[public_path(*route)];
    if (path.is_null()) path.emplace_object();
    path.get_object()[lower(route->method)] = operation(*route);
  }
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", json::object{{"title", "Perilune control API"}, {"version", config.version}}},
      {"paths", std::move(paths)},
      {"security", json::array{json::object{{"token", json::array{}}}}},
      {"components",
       json::object{{"securitySchemes",
                     json::object{{"token", json::object{{"type", "http"}, {"scheme", "bearer"}}}}},
                    {"schemas", json::object{{"Problem", problem_schema()}}}}}};
  return json::serialize(document) + "\n";
}

}  // namespace perilune::api
