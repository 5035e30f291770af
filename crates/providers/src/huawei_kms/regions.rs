//! Where Huawei's services are. The list is that of the vendor's own clients.

/// Regions with KMS.
const REGIONS: [&str; 32] = [
    "ae-ad-1",
    "af-north-1",
    "af-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "cn-east-2",
    "cn-east-3",
    "cn-east-4",
    "cn-east-5",
    "cn-north-1",
    "cn-north-11",
    "cn-north-12",
    "cn-north-2",
    "cn-north-4",
    "cn-north-9",
    "cn-south-1",
    "cn-south-2",
    "cn-south-4",
    "cn-southwest-2",
    "cn-southwest-3",
    "eu-west-101",
    "la-north-2",
    "la-south-2",
    "me-east-1",
    "my-kualalumpur-1",
    "na-mexico-1",
    "ru-moscow-1",
    "sa-brazil-1",
    "tr-west-1",
];

/// Their names.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    REGIONS.into_iter()
}

/// The address of KMS in a region, if it is known.
pub(super) fn kms(region: &str) -> Option<String> {
    REGIONS.contains(&region).then(|| address("kms", region))
}

/// The address of the identity service in a region.
pub(super) fn identity(region: &str) -> String {
    address("iam", region)
}

fn address(service: &str, region: &str) -> String {
    // The regions of the European company have a domain of their own.
    let domain = if region.starts_with("eu-") { "eu" } else { "com" };
    format!("https://{service}.{region}.myhuaweicloud.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_regions_have_an_address() {
        assert_eq!(kms("tr-west-1").unwrap(), "https://kms.tr-west-1.myhuaweicloud.com");
        assert_eq!(kms("eu-west-101").unwrap(), "https://kms.eu-west-101.myhuaweicloud.eu");
        assert_eq!(kms("mars-1"), None);
        assert!(REGIONS.is_sorted());
    }
}
