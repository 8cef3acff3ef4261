#include "ensemble/zoo_cfg_refused.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

/// What a value makes of a feature. unusual: Apache's server takes it as off, but whoever wrote it may not know that.
enum class Effect { off, unusual, on };
using Reads = Effect (*)(std::string_view value);

Effect off_if(bool is_off) { return is_off ? Effect::off : Effect::on; }

Effect always(std::string_view) { return Effect::on; }
Effect unless_empty(std::string_view value) { return off_if(value.empty()); }
/// The parser's own booleans: what is neither true nor false Apache's server refuses.
Effect strict(std::string_view value) { return off_if(lower(value) == "false"); }
/// Booleans among the properties: true in any case, and nothing else, is on.
Effect loose(std::string_view value) {
    const std::string word = lower(value);
    if (word == "true") return Effect::on;
    return word == "false" || word == "no" || word.empty() ? Effect::off : Effect::unusual;
}
/// Properties that are on by default; the feature is to switch them off.
Effect loose_off(std::string_view value) { return off_if(lower(value) == "true"); }
Effect port_above_0(std::string_view value) {
    const auto number = decimal(value);
    return off_if(number && *number <= 0);
}
Effect port_but_0(std::string_view value) { return off_if(decimal(value) == 0); }
Effect exactly_yes(std::string_view value) {
    if (value == "yes") return Effect::on;
    return lower(value) == "no" || lower(value) == "false" ? Effect::off : Effect::unusual;
}
Effect compression(std::string_view value) {
    const std::string method = lower(value);
    if (method == "gz" || method == "snappy") return Effect::on;
    return method.empty() ? Effect::off : Effect::unusual;
}
Effect sha1(std::string_view value) {
    const std::string name = lower(value);
    return off_if(name == "sha1" || name == "sha-1" || name == "sha");
}
/// Without metrics mntr would be empty; ours is not.
Effect metrics(std::string_view value) {
    constexpr std::string_view kPackage = "org.apache.zookeeper.metrics.impl.";
    if (!value.starts_with(kPackage)) return Effect::on;
    value.remove_prefix(kPackage.size());
    return off_if(value == "DefaultMetricsProvider" || value == "NullMetricsProvider");
}
Effect provider(std::string_view value) {
    constexpr std::string_view kPackage = "org.apache.zookeeper.server.auth.";
    if (!value.starts_with(kPackage)) return Effect::on;
    value.remove_prefix(kPackage.size());
    return off_if(value == "DigestAuthenticationProvider" || value == "IPAuthenticationProvider");
}
/// Most say how TLS is to be, and whoever says that counts on it.
Effect tls(std::string_view value) {
    const std::string word = lower(value);
    return off_if(word.empty() || word == "none" || word == "false");
}

/// A name that ends in '.' stands for all keys that begin with it; of several that fit the first counts.
struct Feature {
    std::string_view name;
    Reads reads;
    std::string_view words;
};
constexpr std::array kFeatures = {
    Feature{"dynamicConfigFile", always, "dynamic configuration files; put the server.N lines here"},
    Feature{"reconfigEnabled", strict, "dynamic reconfiguration; set false or remove the line"},
    Feature{"secureClientPort", port_but_0, "TLS; use clientPort"},
    Feature{"secureClientPortAddress", always, "TLS; use clientPortAddress"},
    Feature{"sslQuorum", strict, "TLS between servers; set false or remove the line"},
    Feature{"sslQuorumReloadCertFiles", strict, "TLS between servers; remove the line"},
    Feature{"portUnification", strict, "TLS between servers; set false or remove the line"},
    Feature{"client.portUnification", loose, "TLS; set false or remove the line"},
    Feature{"ssl.hostnameVerification", loose_off, "TLS; remove the line"},
    Feature{"ssl.quorum.hostnameVerification", loose_off, "TLS; remove the line"},
    Feature{"ssl.", tls, "TLS; remove the line"},
    Feature{"quorum.auth.enableSasl", strict, "SASL between servers; set false or remove the line"},
    Feature{"quorum.auth.serverRequireSasl", strict, "SASL between servers; remove the line"},
    Feature{"quorum.auth.learnerRequireSasl", strict, "SASL between servers; remove the line"},
    Feature{"authProvider.",
            provider,
            "authentication providers beyond digest, ip and world; remove the line"},
    Feature{"sessionRequireClientSASLAuth", loose, "SASL; set false or remove the line"},
    Feature{"enforce.auth.enabled", loose, "enforced authentication; set false or remove the line"},
    Feature{"DigestAuthenticationProvider.superDigest", unless_empty, "a super user; remove the line"},
    Feature{"DigestAuthenticationProvider.digestAlg", sha1, "digests other than SHA1; remove the line"},
    Feature{"DigestAuthenticationProvider.enabled",
            loose_off,
            "switching the digest scheme off; remove the line"},
    Feature{"superUser", unless_empty, "a super user; remove the line"},
    Feature{"X509AuthenticationProvider.superUser", unless_empty, "a super user; remove the line"},
    Feature{"skipACL", exactly_yes, "running without ACL checks; remove the line"},
    Feature{"localSessionsEnabled", strict, "local sessions; set false or remove the line"},
    Feature{"localSessionsUpgradingEnabled", strict, "local sessions; set false or remove the line"},
    Feature{"extendedTypesEnabled", loose, "TTL nodes; set false or remove the line"},
    Feature{"emulate353TTLNodes", loose, "TTL nodes; set false or remove the line"},
    Feature{"observerMasterPort", port_above_0, "observer masters; set 0 or remove the line"},
    Feature{"multiAddress.enabled",
            strict,
            "several addresses for one server; set false or remove the line"},
    Feature{"oraclePath", always, "oracle quorums; remove the line"},
    Feature{"enforceQuota", loose, "enforced quotas; set false or remove the line"},
    Feature{"audit.enable", loose, "audit logs; set false or remove the line"},
    Feature{"snapshot.compression.method", compression, "compressed snapshots; remove the line"},
    Feature{"closeSessionTxn.enabled", loose_off, "the old form of closeSession; remove the line"},
    Feature{"metricsProvider.className",
            metrics,
            "a metrics endpoint; remove the line and use the word mntr"},
};

bool names(const Feature& feature, std::string_view key) {
    return feature.name.ends_with('.') ? key.starts_with(feature.name) : key == feature.name;
}

}  // namespace

Result<bool> leaves_feature_off(const Property& property, std::string& warning) {
    const auto feature = std::ranges::find_if(
        kFeatures, [&](const Feature& each) { return names(each, property.key); });
    if (feature == kFeatures.end()) return false;
    const Effect effect = feature->reads(property.value);
    if (effect == Effect::on) {
        return unsupported(property, fmt::format("this version does not support {}", feature->words));
    }
    if (effect == Effect::unusual) warning = "this value does not switch it on; it is off";
    return true;
}

}  // namespace zk::ensemble
