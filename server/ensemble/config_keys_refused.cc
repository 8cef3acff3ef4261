// Keys of Apache's server that switch on what this server does not have, and the values that leave it off.
#include <array>

#include "ensemble/config_key_rows.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

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
Effect number_but_0(std::string_view value) { return off_if(decimal(value) == 0); }
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

constexpr Switch kAlways{always, "", "x", ""};
constexpr Switch kUnlessEmpty{unless_empty, "", "super:x", "an empty value"};
constexpr Switch kStrict{strict, "false", "true", "false"};
constexpr Switch kLoose{loose, "false", "true", "all but true"};
constexpr Switch kLooseOff{loose_off, "true", "false", "true"};
constexpr Switch kPortAbove0{port_above_0, "0", "4000", "0 and less"};
constexpr Switch kNumberBut0{number_but_0, "0", "1", "0"};
constexpr Switch kProvider{provider,
                           "org.apache.zookeeper.server.auth.DigestAuthenticationProvider",
                           "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
                           "the providers of digest and ip"};
constexpr Switch kTlsSwitch{tls, "none", "need", "false, none, an empty value"};

constexpr std::string_view kRemove = "remove the line";
constexpr std::string_view kSetFalse = "set false or remove the line";

/// What a key would switch on, and the way out.
struct Missing {
    std::string_view feature;
    std::string_view way_out = kRemove;
};

constexpr ConfigKey refused(std::string_view name,
                            KeyType type,
                            const Switch& feature,
                            Missing missing,
                            std::string_view source,
                            std::string_view standard = "") {
    return {.name = name,
            .type = type,
            .standard = standard,
            .standing = Standing::refused,
            .words = missing.feature,
            .way_out = missing.way_out,
            .feature = &feature,
            .source = source};
}
constexpr ConfigKey family(std::string_view prefix, ConfigKey key) {
    key.prefix = prefix;
    return key;
}
using enum KeyType;
constexpr Missing kTlsBetween{"TLS between servers", kSetFalse};
constexpr Missing kSaslBetween{"SASL between servers"};
constexpr Missing kSuperUser{"a super user"};
constexpr Missing kOldTtl{"TTL nodes in the form of 3.5.3", kSetFalse};
constexpr Missing kGroups{"hierarchical quorums",
                          "remove the group and weight lines to use plain majorities"};

constexpr std::array kRefused = {
    // Members.
    family("group", refused("group.N", text, kAlways, kGroups, "QuorumHierarchical")),
    family("weight", refused("weight.N", number, kAlways, kGroups, "QuorumHierarchical", "1")),
    refused("dynamicConfigFile",
            path,
            kAlways,
            {"dynamic configuration files", "put the server.N lines here"},
            "QuorumPeerConfig"),
    refused("reconfigEnabled",
            boolean,
            kStrict,
            {"dynamic reconfiguration", kSetFalse},
            "QuorumPeerConfig",
            "false"),
    refused("multiAddress.enabled",
            boolean,
            kStrict,
            {"several addresses for one server", kSetFalse},
            "QuorumPeerConfig",
            "false"),
    refused("observerMasterPort",
            number,
            kPortAbove0,
            {"observer masters", "set 0 or remove the line"},
            "QuorumPeerConfig",
            "0"),
    refused("oraclePath", path, kAlways, {"oracle quorums"}, "QuorumPeerConfig"),
    // TLS.
    refused("secureClientPort", number, kNumberBut0, {"TLS", "use clientPort"}, "QuorumPeerConfig"),
    refused("secureClientPortAddress",
            host,
            kAlways,
            {"TLS", "use clientPortAddress"},
            "QuorumPeerConfig"),
    refused("sslQuorum", boolean, kStrict, kTlsBetween, "QuorumPeerConfig", "false"),
    refused("sslQuorumReloadCertFiles",
            boolean,
            kStrict,
            {"TLS between servers"},
            "QuorumPeerConfig",
            "false"),
    refused("portUnification", boolean, kStrict, kTlsBetween, "QuorumPeerConfig", "false"),
    refused("client.portUnification",
            property_flag,
            kLoose,
            {"TLS", kSetFalse},
            "NettyServerCnxnFactory",
            "false"),
    refused(
        "ssl.hostnameVerification", property_flag, kLooseOff, {"TLS"}, "ClientX509Util", "true"),
    refused("ssl.quorum.hostnameVerification",
            property_flag,
            kLooseOff,
            {"TLS"},
            "QuorumX509Util",
            "true"),
    family("ssl.", refused("ssl.*", text, kTlsSwitch, {"TLS"}, "X509Util")),
    // Who may do what.
    refused("quorum.auth.enableSasl",
            boolean,
            kStrict,
            {"SASL between servers", kSetFalse},
            "QuorumPeerConfig",
            "false"),
    refused("quorum.auth.serverRequireSasl",
            boolean,
            kStrict,
            kSaslBetween,
            "QuorumPeerConfig",
            "false"),
    refused("quorum.auth.learnerRequireSasl",
            boolean,
            kStrict,
            kSaslBetween,
            "QuorumPeerConfig",
            "false"),
    family("authProvider.",
           refused("authProvider.*",
                   class_name,
                   kProvider,
                   {"authentication providers beyond digest, ip and world"},
                   "ProviderRegistry")),
    refused("sessionRequireClientSASLAuth",
            property_flag,
            kLoose,
            {"SASL", kSetFalse},
            "AuthenticationHelper",
            "false"),
    refused("superUser", text, kUnlessEmpty, kSuperUser, "ZooKeeperServer"),
    family("superUser.", refused("superUser.*", text, kUnlessEmpty, kSuperUser, "ZooKeeperServer")),
    refused("X509AuthenticationProvider.superUser",
            text,
            kUnlessEmpty,
            kSuperUser,
            "X509AuthenticationProvider"),
    // Clients and data.
    refused("emulate353TTLNodes", property_flag, kLoose, kOldTtl, "EphemeralType", "false"),
    refused("audit.enable",
            property_flag,
            kLoose,
            {"audit logs", kSetFalse},
            "ZKAuditProvider",
            "false"),
    refused("admin.portUnification",
            property_flag,
            kLoose,
            {"TLS at the admin server", kSetFalse},
            "JettyAdminServer",
            "false"),
    refused("admin.forceHttps",
            property_flag,
            kLoose,
            {"TLS at the admin server", kSetFalse},
            "JettyAdminServer",
            "false"),
    refused("admin.needClientAuth",
            property_flag,
            kLoose,
            {"TLS at the admin server", kSetFalse},
            "JettyAdminServer",
            "false"),
    refused("metricsProvider.httpsPort",
            number,
            kPortAbove0,
            {"TLS at the metrics endpoint"},
            "PrometheusMetricsProvider",
            "-1"),
};

}  // namespace

std::span<const ConfigKey> refused_keys() { return kRefused; }

}  // namespace zk::ensemble
