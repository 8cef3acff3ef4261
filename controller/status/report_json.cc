// The JSON form of the report: the only file of this room that knows Boost.JSON.
#include <boost/json.hpp>

#include "ensemble_judge/verdict_json.h"
#include "status/report.h"

namespace zk::status {

namespace json = boost::json;

std::string report_json(const EnsembleVerdict& verdict, int exit_code) {
    json::object document;
    document["schema"] = "zkprov.status/1";
    document["exit_code"] = exit_code;
    ensemble_judge::add_verdict(document, verdict);
    return json::serialize(document) + "\n";
}

std::string error_json(const std::string& command,
                       const std::vector<std::string>& messages,
                       int exit_code) {
    json::object document;
    document["schema"] = "zkprov.error/1";
    document["command"] = json::string(command);
    document["exit_code"] = exit_code;
    json::array errors;
    for (const std::string& message : messages) errors.push_back(json::string(message));
    document["errors"] = std::move(errors);
    return json::serialize(document) + "\n";
}

std::string import_json(const std::string& inventory) {
    json::object document;
    document["schema"] = "zkprov.import/1";
    document["inventory"] = json::string(inventory);
    return json::serialize(document) + "\n";
}

}  // namespace zk::status
