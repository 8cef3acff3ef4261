#include "agent_api/survey.h"

namespace zk::agent_api {

std::string words_of(const OutsideServer& server) {
    const std::string words = server.program + " (" + std::to_string(server.pid) + ")";
    return server.unit.empty() ? words : words + " of the unit " + server.unit;
}

const SettingSurvey* ServerSurvey::setting(std::string_view key) const {
    const SettingSurvey* found = nullptr;
    for (const SettingSurvey& each : settings) {
        if (each.key == key) found = &each;
    }
    return found;
}

}  // namespace zk::agent_api
